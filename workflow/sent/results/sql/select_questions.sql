SELECT dataset, question_id, question FROM questions ORDER BY dataset, question_id;
