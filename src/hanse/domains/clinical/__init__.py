"""Clinical records: tables of persons, conditions, treatments and observations."""
