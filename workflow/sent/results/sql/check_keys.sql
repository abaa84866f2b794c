-- Rows of the stages before training whose key stands there more than once: each row is an error.
SELECT 'questions' AS "table", dataset AS model, question_id, count(*) AS n
FROM questions GROUP BY ALL HAVING n > 1
UNION ALL
SELECT DISTINCT 'samples', model, question_id, count(*) OVER (PARTITION BY model, question_id, sample) AS n
FROM samples QUALIFY n > 1
UNION ALL
SELECT DISTINCT 'verdicts', model, question_id, count(*) OVER (PARTITION BY model, question_id, sample) AS n
FROM verdicts QUALIFY n > 1
UNION ALL
SELECT DISTINCT 'clusters', model, question_id, count(*) OVER (PARTITION BY model, question_id, sample) AS n
FROM clusters QUALIFY n > 1
UNION ALL
SELECT 'semantic_entropy', model, question_id, count(*) AS n
FROM semantic_entropy GROUP BY ALL HAVING n > 1
UNION ALL
SELECT DISTINCT
    'curriculum', model, question_id,
    count(*) OVER (PARTITION BY model, curriculum, question_id, stage, rehearsal) AS n
FROM curriculum QUALIFY n > 1
ORDER BY ALL;
