-- Rows of the stages before training that a later stage should have and lacks, where its file is there: each row is an error.
SELECT 'verdicts' AS lacking, 'samples' AS present, model, NULL AS curriculum, question_id, count(*) AS n
FROM samples ANTI JOIN verdicts USING (model, question_id, sample)
WHERE model IN (SELECT model FROM verdicts) GROUP BY ALL
UNION ALL
SELECT 'clusters', 'samples', model, NULL, question_id, count(*)
FROM samples ANTI JOIN clusters USING (model, question_id, sample)
WHERE model IN (SELECT model FROM clusters) GROUP BY ALL
UNION ALL
SELECT 'semantic_entropy', 'questions', model, NULL, question_id, count(*)
FROM (SELECT DISTINCT model FROM semantic_entropy) CROSS JOIN (FROM questions WHERE dataset = 'train')
ANTI JOIN semantic_entropy USING (model, question_id) GROUP BY ALL
UNION ALL
SELECT 'curriculum', 'semantic_entropy', model, curriculum, question_id, count(*)
FROM (SELECT DISTINCT model, curriculum FROM curriculum) JOIN (SELECT model, question_id FROM semantic_entropy) USING (model)
ANTI JOIN curriculum USING (model, curriculum, question_id) GROUP BY ALL
ORDER BY ALL;
