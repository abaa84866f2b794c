SELECT DISTINCT n FROM question_scores ORDER BY n;
