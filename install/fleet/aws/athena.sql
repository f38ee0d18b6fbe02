-- Who made access keys, and how many of them keyd made, from CloudTrail in Athena. Make the
-- table as CloudTrail's own console does (cloudtrail_logs). A user agent can be forged: rows
-- with keys that keyd made are no proof, rows with others are worth a look.
SELECT
  useridentity.arn AS who,
  count(*) AS keys_made,
  sum(CASE WHEN useragent LIKE '%app/keyd-%' THEN 1 ELSE 0 END) AS by_keyd,
  sum(CASE WHEN useragent LIKE '%app/keyd-%' THEN 0 ELSE 1 END) AS by_others,
  count(DISTINCT sourceipaddress) AS addresses,
  max(eventtime) AS latest
FROM cloudtrail_logs
WHERE eventsource = 'iam.amazonaws.com'
  AND eventname = 'CreateAccessKey'
  AND coalesce(errorcode, '') = ''
  AND eventtime >= '2026-01-01T00:00:00Z'
GROUP BY useridentity.arn
ORDER BY by_others DESC, who
