FROM question_scores ORDER BY model, method, seed, benchmark, question_id;
