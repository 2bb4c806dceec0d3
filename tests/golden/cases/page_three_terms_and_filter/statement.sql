-- answers (text, text, mood, varchar, text, int4)
PREPARE q (text, int8, mood, text, int4, int8, int8, int8) AS
SELECT u.c1, u.c2, u.o1, u.o2, u.o3::text, u.o4
FROM ((SELECT t."title" AS c1, t."cost"::text AS c2, t."mood" AS o1, r1."title" AS o2, t."cost" AS o3, t."track_id" AS o4
FROM "public"."track" AS t
LEFT JOIN "public"."album" AS r1 ON r1."album_id" = t."album_id"
AND r1."deleted_at" IS NULL
WHERE t."title" LIKE $1
AND t."milliseconds" > $2
AND t."mood" < $3
ORDER BY t."mood" DESC, r1."title", t."cost", t."track_id"
LIMIT $6)
UNION ALL (SELECT t."title" AS c1, t."cost"::text AS c2, t."mood" AS o1, r1."title" AS o2, t."cost" AS o3, t."track_id" AS o4
FROM "public"."track" AS t
LEFT JOIN "public"."album" AS r1 ON r1."album_id" = t."album_id"
AND r1."deleted_at" IS NULL
WHERE t."title" LIKE $1
AND t."milliseconds" > $2
AND t."mood" = $3
AND r1."title" IS NULL
AND (t."cost", t."track_id") > ($4::"pg_catalog"."money", $5)
ORDER BY t."mood" DESC, r1."title", t."cost", t."track_id"
LIMIT $6)
UNION ALL (SELECT t."title" AS c1, t."cost"::text AS c2, t."mood" AS o1, r1."title" AS o2, t."cost" AS o3, t."track_id" AS o4
FROM "public"."track" AS t
LEFT JOIN "public"."album" AS r1 ON r1."album_id" = t."album_id"
AND r1."deleted_at" IS NULL
WHERE t."title" LIKE $1
AND t."milliseconds" > $2
AND t."mood" = $3
AND r1."title" IS NULL
AND t."cost" IS NULL
ORDER BY t."mood" DESC, r1."title", t."cost", t."track_id"
LIMIT $6)) AS u
ORDER BY u.o1 DESC, u.o2, u.o3, u.o4
LIMIT $7 OFFSET $8;
EXECUTE q ('Ba%', '200000', 'ok', '$1.50', '17', '54', '51', '3');
DEALLOCATE q;
