-- answers (text, int4)
PREPARE q (text, int4, mood) AS
SELECT t."invoice", t."number"
FROM "public"."line" AS t
WHERE t."invoice" = $1
AND t."number" = $2
AND t."mood" = $3;
EXECUTE q ('a', '2', 'very happy');
DEALLOCATE q;
