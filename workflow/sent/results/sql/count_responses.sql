-- What the metrics need to know of each question of one policy.
CREATE OR REPLACE TEMP TABLE graded AS
SELECT
    benchmark, question_id, sample, n_tokens, extracted, "cluster",
    verdict = 'correct' AS correct,
    coalesce(paper_match, false) AS paper,
    finish_reason = 'length' AS truncated,
    verdict IN ('no_answer', 'truncated') AS no_answer,
    verdict IN ('timeout', 'error') AS ungraded
FROM responses
WHERE (model, method, seed) = ($model, $method, $seed);

-- Whether the most frequent answer among the first responses is right. Right answers in another form ($117$, 117.0) vote
-- with 117; a tie goes to the answer that came first.
CREATE OR REPLACE TEMP MACRO majority_of(first_responses) AS TABLE
SELECT benchmark, question_id, arg_max(correct, votes * 1000000 - first_sample) AS majority_correct
FROM (
    SELECT
        benchmark, question_id, answer_key(extracted) AS answer,
        sum(votes) AS votes, min(first_sample) AS first_sample, arg_min(correct, first_sample) AS correct
    FROM (
        SELECT
            benchmark, question_id, extracted,
            count(*) AS votes, min(sample) AS first_sample, arg_min(correct, sample) AS correct
        FROM graded
        WHERE extracted IS NOT NULL AND sample < first_responses
        GROUP BY ALL
    )
    GROUP BY ALL
)
GROUP BY ALL;

INSERT INTO question_scores
SELECT
    $model, $method, $seed, benchmark, question_id,
    count(*), count(*) FILTER (graded.correct), count(*) FILTER (paper), count(*) FILTER (truncated),
    count(*) FILTER (no_answer), count(*) FILTER (ungraded), avg(n_tokens),
    coalesce(any_value(majority_correct), false), any_value(coalesce(answers, 0)), any_value(coalesce(nats, 0))
FROM graded
LEFT JOIN majority_of(1000000) USING (benchmark, question_id)
LEFT JOIN (
    -- Summed in one order, so that the last digit does not depend on DuckDB's threads.
    SELECT benchmark, question_id, count(*) AS answers, -sum(votes / total * ln(votes / total) ORDER BY votes) + 0 AS nats
    FROM (
        SELECT benchmark, question_id, count(*) AS votes, sum(count(*)) OVER (PARTITION BY benchmark, question_id) AS total
        FROM graded WHERE "cluster" >= 0 GROUP BY benchmark, question_id, "cluster"
    )
    GROUP BY ALL
) USING (benchmark, question_id)
GROUP BY benchmark, question_id
ORDER BY benchmark, question_id;
