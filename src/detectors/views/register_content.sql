-- How much of the register of companies was taken in, whoever it is about.
SELECT
    (SELECT count(*) FROM establishments_all) AS establishments,
    (SELECT count(*) FROM companies_all) AS companies,
    (SELECT count(*) FROM tax_regimes_all) AS tax_regimes,
    (SELECT count(*) FROM partners_all) AS partners
