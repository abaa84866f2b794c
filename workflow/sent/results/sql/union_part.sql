SELECT {label} AS experiment, relation.* FROM {database}.{name} AS relation
