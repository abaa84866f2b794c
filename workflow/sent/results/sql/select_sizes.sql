-- Name of the experiment, benchmark questions, and training seeds (one if nothing was trained).
SELECT
    (SELECT name FROM experiment) AS name,
    (SELECT count(DISTINCT (benchmark, question_id)) FROM question_scores) AS questions,
    (SELECT max(seeds) FROM scores) AS seeds;
