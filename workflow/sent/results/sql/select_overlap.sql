SELECT DISTINCT benchmark, question_id FROM overlap ORDER BY ALL;
