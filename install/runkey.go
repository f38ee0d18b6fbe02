package install

// runKeyPath is where Windows looks, at every logon, for what to start.
const runKeyPath = `HKCU\Software\Microsoft\Windows\CurrentVersion\Run`

// runKeyAtMost is the length that Windows promises to start, in characters.
// Source: Microsoft, "Run and RunOnce Registry Keys".
const runKeyAtMost = 260
