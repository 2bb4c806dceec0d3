-- Who rode the furthest in a season.
SELECT rider_id, full_name, count(*) AS trips, sum(metres) AS metres
FROM trip JOIN rider USING (rider_id)
WHERE season = :season AND deleted_at IS NULL
GROUP BY rider_id, full_name
ORDER BY metres DESC, rider_id
LIMIT least(:riders_max, 1000);
