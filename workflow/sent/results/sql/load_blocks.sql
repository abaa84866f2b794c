-- Blocks of k consecutive responses, from the table `graded` that load_responses.sql left.
INSERT INTO question_blocks
SELECT
    $model, $method, $seed, benchmark, question_id, $k,
    count(*) FILTER (size = $k), count(*) FILTER (size = $k AND hit),
    max(correct) FILTER (block = 0 AND size = $k), max(paper) FILTER (block = 0 AND size = $k),
    coalesce(any_value(majority_correct), false)
FROM (
    SELECT
        benchmark, question_id, sample // $k AS block, count(*) AS size, bool_or(paper) AS hit,
        count(*) FILTER (correct) AS correct, count(*) FILTER (paper) AS paper
    FROM graded
    GROUP BY ALL
)
LEFT JOIN majority_of($k) USING (benchmark, question_id)
GROUP BY benchmark, question_id
ORDER BY benchmark, question_id;
