FROM curriculum_summary;
