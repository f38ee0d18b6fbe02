"""Answers, for each case on standard input, how botocore reads it.

A case is {"config": text, "credentials": text, "env": {...}, "profile": name}; either
text may be null for a missing file. Input and output are JSON, one case in a line. No
request is sent.
"""

import json
import os
import sys
import tempfile

import botocore
import botocore.loaders
import botocore.session
from botocore.exceptions import ProfileNotFound

OPERATION = {"sts": "GetCallerIdentity", "iam": "ListAccessKeys"}
LOADER = botocore.loaders.create_loader()
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith("AWS_") and k != "REQUESTS_CA_BUNDLE"}


def endpoint(session, service):
    """Returns where a call goes, and the region of its signature."""
    try:
        client = session.create_client(
            service, aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="x"
        )
        operation = client.meta.service_model.operation_model(OPERATION[service])
        found = client._ruleset_resolver.construct_endpoint(operation, {}, {})
        schemes = found.properties.get("authSchemes") or [{}]
        region = schemes[0].get("signingRegion") or client.meta.region_name
        return {"url": found.url, "region": region}
    except Exception as error:
        return {"error": type(error).__name__}


def configured_url(session, service):
    """Returns the endpoint that the settings name for a service, or ""."""
    try:
        if session.get_config_variable("ignore_configured_endpoint_urls"):
            return ""
        store = session.get_component("config_store")
        session._add_configured_endpoint_provider(client_name=service, config_store=store)
        return store.get_config_variable("endpoint_url") or ""
    except Exception as error:
        return "error: " + type(error).__name__


def provider(session):
    """Returns which provider has the credentials of the profile, and the key id."""
    try:
        resolver = session.get_component("credential_provider")
        for name in ("container-role", "iam-role", "ec2-credentials-file", "boto-config"):
            resolver.remove(name)
        found = session.get_credentials()
        if found is None:
            return {"method": ""}
        answer = {"method": found.method}
        if found.method in ("shared-credentials-file", "config-file"):
            answer["key"] = found.access_key
        return answer
    except Exception as error:
        return {"error": type(error).__name__}


def ask(case, folder):
    os.environ.clear()
    os.environ.update(CLEAN)
    os.environ.update(case["env"])
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    for name, variable in (("config", "AWS_CONFIG_FILE"), ("credentials", "AWS_SHARED_CREDENTIALS_FILE")):
        path = os.path.join(folder, name)
        os.environ[variable] = path
        if os.path.exists(path):
            os.remove(path)
        if case[name] is not None:
            with open(path, "wb") as file:
                file.write(case[name].encode())
    # The handlers take half of the time, and none has a say in where STS and IAM are.
    session = botocore.session.Session(profile=case["profile"], include_builtin_handlers=False)
    session.register_component("data_loader", LOADER)
    try:
        session.get_scoped_config()
    except ProfileNotFound:
        return {"error": "ProfileNotFound"}
    except Exception as error:
        return {"error": type(error).__name__}
    bundle = session.get_config_variable("ca_bundle")
    return {
        "sts": endpoint(session, "sts"),
        "iam": endpoint(session, "iam"),
        "s3": configured_url(session, "s3"),
        "bundle": bundle if bundle is not None else os.environ.get("REQUESTS_CA_BUNDLE", ""),
        "who": provider(session),
    }


def main():
    if sys.argv[1:] == ["version"]:
        print(botocore.__version__)
        return
    with tempfile.TemporaryDirectory() as folder:
        for line in sys.stdin:
            print(json.dumps(ask(json.loads(line), folder)))


main()
