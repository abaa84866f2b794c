-- How answers to the three questions that were kept most often changed: the first, the middle and the last response
-- of each model and method, with one training seed.
WITH chosen AS (
    SELECT question_id FROM rollouts GROUP BY question_id ORDER BY count(*) DESC, question_id LIMIT 3
), numbered AS (
    SELECT
        rollouts.*,
        row_number() OVER (PARTITION BY model, method, question_id ORDER BY total_step, sample) AS visit,
        count(*) OVER (PARTITION BY model, method, question_id) AS visits
    FROM rollouts SEMI JOIN chosen USING (question_id)
    WHERE seed = (SELECT min(seed) FROM rollouts)
)
SELECT numbered.* EXCLUDE (visit, visits), question, answer
FROM numbered LEFT JOIN questions ON dataset = 'train' AND questions.question_id = numbered.question_id
WHERE visit IN (1, (visits + 1) // 2, visits)
ORDER BY numbered.question_id, model, method, total_step, sample;
