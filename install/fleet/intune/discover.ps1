# Intune custom compliance on Windows: prints one line of JSON, which rules.json judges.
# KeydSilentDays counts the days since the last pass of the user whose keyd is silent the
# longest. A user without fleet.json counts in nothing, and a negative number as none.
$homes = if ($env:KEYD_HOMES) { $env:KEYD_HOMES } else { 'C:\Users' }
$now = [DateTimeOffset]::UtcNow.ToUnixTimeSeconds()
$found = [ordered]@{ KeydUsers = 0; KeydOverdue = 0; KeydUnknownAge = 0; KeydNeedsPerson = 0; KeydSilentDays = 0 }
foreach ($user in Get-ChildItem -LiteralPath $homes -Directory -ErrorAction SilentlyContinue) {
    $file = Join-Path $user.FullName 'AppData\Local\keyd-aws\fleet.json'
    if (-not (Test-Path -LiteralPath $file -PathType Leaf)) { continue }
    $found.KeydUsers++
    $days = 9999
    try {
        $one = Get-Content -LiteralPath $file -Raw -ErrorAction Stop | ConvertFrom-Json
        $found.KeydOverdue += [Math]::Max(0, [int]$one.overdue)
        $found.KeydUnknownAge += [Math]::Max(0, [int]$one.unknown_age)
        $found.KeydNeedsPerson += [Math]::Max(0, [int]$one.needs_person)
        if ([long]$one.last_pass_unix -gt 0) { $days = [Math]::Floor(($now - [long]$one.last_pass_unix) / 86400) }
    } catch { }
    $found.KeydSilentDays = [Math]::Max([long]$found.KeydSilentDays, [long]$days)
}
return $found | ConvertTo-Json -Compress
