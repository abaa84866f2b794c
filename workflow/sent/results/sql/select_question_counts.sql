SELECT dataset, count(*) AS n FROM questions GROUP BY dataset ORDER BY dataset;
