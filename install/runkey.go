package install

// runKeyPath is where Windows looks, at every logon, for what to start.
const runKeyPath = `HKCU\Software\Microsoft\Windows\CurrentVersion\Run`
