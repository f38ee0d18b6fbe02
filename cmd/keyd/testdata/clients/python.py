"""A program that runs for long, with boto3: it calls STS until it is ended, and prints a
line for each call. KEYD_TEST_EPOCH and KEYD_TEST_SPEED make its clock run faster."""

import datetime
import os
import time

epoch, speed = float(os.environ["KEYD_TEST_EPOCH"]), float(os.environ["KEYD_TEST_SPEED"])


def now(remove_tzinfo=False):
    at = epoch + (time.time() - epoch) * speed
    at = datetime.datetime.fromtimestamp(at, datetime.timezone.utc)
    return at.replace(tzinfo=None) if remove_tzinfo else at


if speed != 1:
    import botocore.compat

    botocore.compat.get_current_datetime = lambda remove_tzinfo=True: now(remove_tzinfo)

import boto3
import botocore.credentials

if speed != 1:  # RefreshableCredentials has taken the function as the default of an argument
    inner = botocore.credentials.RefreshableCredentials.__init__
    inner.__defaults__ = tuple(now if d is botocore.credentials._local_now else d for d in inner.__defaults__)
    botocore.credentials._local_now = now

sts = boto3.Session(profile_name="work").client("sts")
while True:
    try:
        sts.get_caller_identity()
        print("ok", flush=True)
    except Exception as e:
        print("failed", type(e).__name__, e, flush=True)
    time.sleep(float(os.environ["KEYD_TEST_PAUSE"]))
