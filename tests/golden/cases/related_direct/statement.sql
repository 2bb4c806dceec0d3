-- answers (text, int8, text, int4)
PREPARE q (int4[], int8) AS
SELECT s.c1, k.ord, s.o1, s.o2
FROM unnest((SELECT $1)) WITH ORDINALITY AS k(c1, ord)
CROSS JOIN LATERAL (SELECT t."title" AS c1, t."title" AS o1, t."track_id" AS o2
FROM "public"."track" AS t
WHERE t."album_id" = k.c1
ORDER BY t."title" DESC, t."track_id" DESC
LIMIT $2) AS s
ORDER BY k.ord, s.o1 DESC, s.o2 DESC;
EXECUTE q ('{1,2}', '101');
DEALLOCATE q;
