// A program that runs for long, with the AWS SDK for JavaScript: it calls STS until it is
// ended, and prints a line for each call. KEYD_TEST_EPOCH and KEYD_TEST_SPEED make its clock
// run faster.
const epoch = Number(process.env.KEYD_TEST_EPOCH) * 1000, speed = Number(process.env.KEYD_TEST_SPEED);
if (speed !== 1) {
  const Real = Date;
  const now = () => epoch + (Real.now() - epoch) * speed;
  globalThis.Date = class extends Real {
    constructor(...args) { args.length ? super(...args) : super(now()); }
    static now() { return now(); }
  };
}
const { STSClient, GetCallerIdentityCommand } = require("@aws-sdk/client-sts");
const sts = new STSClient({ profile: "work" });
(async () => {
  for (;;) {
    try {
      await sts.send(new GetCallerIdentityCommand({}));
      console.log("ok");
    } catch (e) {
      console.log("failed", e.name, e.message);
    }
    await new Promise((done) => setTimeout(done, 1000 * Number(process.env.KEYD_TEST_PAUSE)));
  }
})();
