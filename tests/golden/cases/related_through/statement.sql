-- answers (text, int8)
PREPARE q (int4[], int8) AS
SELECT s.c1, k.ord
FROM unnest((SELECT $1)) WITH ORDINALITY AS k(c1, ord)
CROSS JOIN LATERAL (SELECT t."title" AS c1, r1."title" AS o1, t."track_id" AS o2
FROM "public"."track" AS t
LEFT JOIN "public"."album" AS r1 ON r1."album_id" = t."album_id"
AND r1."deleted_at" IS NULL
WHERE EXISTS (SELECT
FROM "public"."playlist_track" AS r2
WHERE r2."playlist_id" = k.c1
AND r2."track_id" = t."track_id")
ORDER BY r1."title", t."track_id"
LIMIT $2) AS s
ORDER BY k.ord, s.o1, s.o2;
EXECUTE q ('{1,2}', '101');
DEALLOCATE q;
