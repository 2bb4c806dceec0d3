-- answers (varchar, int8)
PREPARE q (int4[], int8) AS
SELECT s.c1, k.ord
FROM unnest((SELECT $1)) WITH ORDINALITY AS k(c1, ord)
CROSS JOIN LATERAL (SELECT t."title" AS c1, t."album_id" AS o1
FROM "public"."album" AS t
WHERE t."artist_id" = k.c1
AND t."deleted_at" IS NULL
ORDER BY t."album_id"
LIMIT $2) AS s
ORDER BY k.ord, s.o1;
EXECUTE q ('{1}', '101');
DEALLOCATE q;
