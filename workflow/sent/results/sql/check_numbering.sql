-- Questions of the table `graded` whose responses are not numbered 0, 1, 2, ... : each row is an error.
SELECT benchmark, question_id, count(*) AS n
FROM graded
GROUP BY ALL
HAVING min(sample) <> 0 OR max(sample) <> n - 1 OR sum(sample) <> n * (n - 1) // 2
ORDER BY ALL;
