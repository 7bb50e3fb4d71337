DROP TABLE merged_imports;
