-- answers (text, text, int4)
PREPARE q (text, int4, int8) AS
SELECT u.c1, u.o1, u.o2
FROM ((SELECT t."title" AS c1, t."genre" AS o1, t."track_id" AS o2
FROM "public"."track" AS t
WHERE (t."genre", t."track_id") > ($1, $2)
ORDER BY t."genre", t."track_id"
LIMIT $3)
UNION ALL (SELECT t."title" AS c1, t."genre" AS o1, t."track_id" AS o2
FROM "public"."track" AS t
WHERE t."genre" IS NULL
ORDER BY t."genre", t."track_id"
LIMIT $3)) AS u
ORDER BY u.o1, u.o2
LIMIT $3;
EXECUTE q ('Jazz', '17', '51');
DEALLOCATE q;
