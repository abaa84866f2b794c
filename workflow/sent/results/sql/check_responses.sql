-- Evaluated policies whose responses do not cover their benchmark: each row is an error.
WITH evaluated AS (
    SELECT DISTINCT model, method, seed, benchmark FROM question_scores
),
expected AS (
    SELECT evaluated.*, questions.question_id
    FROM evaluated JOIN questions ON questions.dataset = evaluated.benchmark
)
SELECT
    model, method, seed, benchmark,
    count(*) FILTER (question_scores.n IS NULL) AS missing,
    count(*) FILTER (expected.question_id IS NULL AND question_scores.n IS NOT NULL) AS unknown
FROM expected
FULL JOIN question_scores USING (model, method, seed, benchmark, question_id)
GROUP BY ALL
HAVING missing + unknown > 0
ORDER BY ALL;
