-- Rows of training-question tables whose question or sample is not there: each row is an error.
SELECT 'samples' AS child, 'questions' AS parent, model, question_id, count(*) AS n
FROM samples ANTI JOIN (FROM questions WHERE dataset = 'train') USING (question_id) GROUP BY ALL
UNION ALL
SELECT 'verdicts', 'samples', model, question_id, count(*)
FROM verdicts ANTI JOIN samples USING (model, question_id, sample) GROUP BY ALL
UNION ALL
SELECT 'clusters', 'samples', model, question_id, count(*)
FROM clusters ANTI JOIN samples USING (model, question_id, sample) GROUP BY ALL
UNION ALL
SELECT 'semantic_entropy', 'questions', model, question_id, count(*)
FROM semantic_entropy ANTI JOIN (FROM questions WHERE dataset = 'train') USING (question_id) GROUP BY ALL
UNION ALL
SELECT 'calibration', 'semantic_entropy', model, question_id, count(*)
FROM calibration ANTI JOIN semantic_entropy USING (model, question_id) GROUP BY ALL
UNION ALL
SELECT 'curriculum', 'semantic_entropy', model, question_id, count(*)
FROM curriculum ANTI JOIN semantic_entropy USING (model, question_id) GROUP BY ALL
ORDER BY ALL;
