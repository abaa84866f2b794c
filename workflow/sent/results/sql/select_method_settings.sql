SELECT method, label, settings FROM methods WHERE method <> 'base' ORDER BY position;
