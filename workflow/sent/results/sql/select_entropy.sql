-- Every question's semantic entropy with its place in the curriculum (the first one, where rehearsal repeats it).
SELECT s.*, c.stage
FROM semantic_entropy AS s
LEFT JOIN (FROM curriculum WHERE NOT coalesce(rehearsal, false)) AS c USING (model, question_id)
ORDER BY s.model, s.question_id;
