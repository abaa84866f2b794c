FROM question_blocks ORDER BY model, method, seed, benchmark, k, question_id;
