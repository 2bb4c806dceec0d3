-- answers (text, text, int4)
PREPARE q (int4, int8) AS
SELECT u.c1, u.o1, u.o2
FROM ((SELECT t."title" AS c1, t."genre" AS o1, t."track_id" AS o2
FROM "public"."track" AS t
WHERE t."genre" IS NOT NULL
ORDER BY t."genre" DESC, t."track_id" DESC
LIMIT $2)
UNION ALL (SELECT t."title" AS c1, t."genre" AS o1, t."track_id" AS o2
FROM "public"."track" AS t
WHERE t."genre" IS NULL
AND t."track_id" < $1
ORDER BY t."genre" DESC, t."track_id" DESC
LIMIT $2)) AS u
ORDER BY u.o1 DESC, u.o2 DESC
LIMIT $2;
EXECUTE q ('17', '51');
DEALLOCATE q;
