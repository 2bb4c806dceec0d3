-- answers (text, text, text, int4)
PREPARE q (text, text, int4, int8) AS
SELECT u.c1, u.o1, u.o2, u.o3
FROM ((SELECT t."title" AS c1, r2."name" AS o1, t."title" AS o2, t."track_id" AS o3
FROM "public"."track" AS t
LEFT JOIN "public"."album" AS r1 ON r1."album_id" = t."album_id"
AND r1."deleted_at" IS NULL
LEFT JOIN "public"."artist" AS r2 ON r2."artist_id" = r1."artist_id"
AND r2."deleted_at" IS NULL
WHERE r2."name" < $1
ORDER BY r2."name" DESC, t."title", t."track_id"
LIMIT $4)
UNION ALL (SELECT t."title" AS c1, r2."name" AS o1, t."title" AS o2, t."track_id" AS o3
FROM "public"."track" AS t
LEFT JOIN "public"."album" AS r1 ON r1."album_id" = t."album_id"
AND r1."deleted_at" IS NULL
LEFT JOIN "public"."artist" AS r2 ON r2."artist_id" = r1."artist_id"
AND r2."deleted_at" IS NULL
WHERE r2."name" = $1
AND (t."title", t."track_id") > ($2, $3)
ORDER BY r2."name" DESC, t."title", t."track_id"
LIMIT $4)) AS u
ORDER BY u.o1 DESC, u.o2, u.o3
LIMIT $4;
EXECUTE q ('AC/DC', 'x', '17', '51');
DEALLOCATE q;
