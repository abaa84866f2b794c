-- Every question's semantic entropy with its stage in the experiment's first curriculum.
SELECT s.*, c.stage
FROM semantic_entropy AS s
LEFT JOIN (
    FROM curriculum JOIN curricula USING (curriculum)
    WHERE NOT coalesce(rehearsal, false) AND curricula.position = 0
) AS c USING (model, question_id)
ORDER BY s.model, s.question_id;
