# Put the settings of keyd for every user into their place. Run as the system: as a platform
# script of Intune, with "Run this script using the logged on credentials" set to No.
# The text between @' and '@ is the file.
$ErrorActionPreference = 'Stop'
$dir = Join-Path ([Environment]::GetFolderPath('CommonApplicationData')) 'keyd-aws'
New-Item -ItemType Directory -Force -Path $dir | Out-Null
# Every user may make files in ProgramData, and so in a folder that inherits its list.
icacls $dir /setowner '*S-1-5-32-544' /t /q | Out-Null
icacls $dir /inheritance:r /grant '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F' '*S-1-5-32-545:(OI)(CI)RX' /q | Out-Null
$new = Join-Path $dir 'keyd.ini.new'
$text = @'
; Settings of keyd for every user of this machine. Users may be stricter, not weaker.
; keyd config names the line that each value comes from, and what has no effect.

rotate_after = 60d            ; at most: a user may say 30d
max_age = 90d
quarantine = 7d               ; at least
check_every = 1h              ; at most
unused = rotate               ; a user may not leave an unused key alone
fleet_file = true

; Users may not exclude keys. A key that must stay as it is stands here:
;[profile appliance]
;rotate = never
'@
[IO.File]::WriteAllText($new, $text + "`n", (New-Object Text.UTF8Encoding $false))
icacls $new /reset /q | Out-Null
Move-Item -Force -Path $new -Destination (Join-Path $dir 'keyd.ini')
