FROM baseline_check WHERE off;
