/*
id = "capacity_mismatch"
version = "1.2.0"
strength = "contextual"
scope = "pattern"
reference = "Tá de Pé, alert 4"
legal_basis = "LC 123/2006 art. 3 I-II, 18-A §1; Lei 14.133/2021 art. 69"
tags = ["supplier_capacity"]
groups = ["supplier"]
tables = ["contracts", "companies", "tax_regimes", "register_content"]

[title]
pt = "Contratos além do porte ou do capital do fornecedor"
en = "Contracts beyond the supplier's size or capital"

[explanation]
pt = "Os contratos assinados com a empresa (todos os estabelecimentos da mesma raiz de CNPJ) num ano civil somam mais do que a receita anual do seu porte: {mei_limit|brl} para o microempreendedor individual ({mei_cargo_limit|brl} para o transportador de cargas), {micro_limit|brl} para a microempresa, {small_limit|brl} para a empresa de pequeno porte; ou um deles, de {min_value|brl} ou mais, vale {capital_ratio|exact} vezes o capital social ou mais. Contratos de vários anos contam em cada um a sua parte, e a soma só conta se passa do limite também com a parte de cada um que cabe no ano, dia por dia. O cadastro mostra só o porte e o capital do seu dia: valem para o ano do cadastro e o anterior; o MEI e o Simples têm datas, e valem para o ano que cobrem por inteiro."
en = "The contracts signed with the company (all establishments of one root of the CNPJ) in a calendar year add up to more than the yearly revenue of its size: {mei_limit|brl} of a micro-entrepreneur (MEI; {mei_cargo_limit|brl} of one who carries cargo), {micro_limit|brl} of a micro company, {small_limit|brl} of a small one; or one of them, of {min_value|brl} or more, is worth {capital_ratio|exact} times the capital or more. Contracts of several years count with a year's part, and the total counts only if it is above the limit with the part of each that falls within the year, day by day, too. The register shows the size and the capital of its day alone: they hold for the year of the register and the one before; MEI and Simples have days, and hold for the years that they cover as a whole."

[severity]
pt = "Sempre média."
en = "Always medium."

[text]
pt = "Em {year|text}, os {contracts|int} contratos assinados com {supplier_name|text} (raiz de CNPJ {root|text}) somam {total|brl} no ano. Porte: {size|text}, limite {limit|brl}; capital social: {capital|brl}; maior contrato: {largest|brl}. Além do porte ou do capital: {rule|text}. O valor de um contrato não é receita do ano, e o porte pode ter mudado: é um indício a conferir com a qualificação econômica."
en = "In {year|text}, the {contracts|int} contracts signed with {supplier_name|text} (root of the CNPJ {root|text}) add up to {total|brl} for the year. Size: {size|text}, limit {limit|brl}; capital: {capital|brl}; largest contract: {largest|brl}. Beyond size or capital: {rule|text}. The value of a contract is not the year's revenue, and the size may have changed: this is an indication to check against the economic qualification."

[false_positives]
pt = ["Contrato por estimativa ou ata de registro de preços que não foi executada por inteiro.", "Contrato plurianual sem datas de vigência publicadas.", "Capital social simbólico com patrimônio ou garantia suficientes.", "Porte que mudou no meio do ano.", "Valor publicado com erro."]
en = ["A contract by estimate, or a price register, that was not carried out as a whole.", "A contract of several years whose term is not published.", "A token capital with assets or guarantees enough.", "A size that changed within the year.", "A value published with an error."]

[[parameters]]
name = "mei_limit"
value = "81000.00"
unit = "BRL"
legal_basis = "LC 123/2006 art. 18-A §1"
label = { pt = "Receita anual do MEI", en = "Yearly revenue of a micro-entrepreneur" }

[[parameters]]
name = "mei_cargo_limit"
value = "251600.00"
unit = "BRL"
legal_basis = "LC 123/2006 art. 18-F (LC 188/2021)"
label = { pt = "Receita anual do MEI transportador de cargas, desde 2022", en = "Yearly revenue of a micro-entrepreneur who carries cargo, since 2022" }

[[parameters]]
name = "micro_limit"
value = "360000.00"
unit = "BRL"
legal_basis = "LC 123/2006 art. 3 I"
label = { pt = "Receita anual da microempresa", en = "Yearly revenue of a micro company" }

[[parameters]]
name = "small_limit"
value = "4800000.00"
unit = "BRL"
legal_basis = "LC 123/2006 art. 3 II"
label = { pt = "Receita anual da empresa de pequeno porte", en = "Yearly revenue of a small company" }

[[parameters]]
name = "capital_ratio"
value = "100"
unit = "factor"
min = "1"
label = { pt = "Múltiplo do capital social a partir do qual conta", en = "Multiple of the capital from which it counts" }

[[parameters]]
name = "min_value"
value = "50000.00"
unit = "BRL"
label = { pt = "Valor mínimo do contrato comparado com o capital", en = "Least value of the contract that is held against the capital" }

[reasons]
supplier_secret = { outcome = "not_evaluable", pt = "A fonte mantém o fornecedor em sigilo ou não o informa.", en = "The source keeps the supplier secret or gives none.", columns = ["contracts.supplier_id"] }
supplier_is_person = { outcome = "not_evaluable", pt = "O fornecedor é pessoa física.", en = "The supplier is a natural person." }
no_tax_id = { outcome = "not_evaluable", pt = "O identificador do fornecedor não é CNPJ.", en = "The supplier's id is no CNPJ." }
tax_id_invalid = { outcome = "not_evaluable", pt = "Os dígitos do CNPJ do fornecedor não conferem: não se sabe quem é.", en = "The digits of the supplier's CNPJ do not agree: who it is is not known." }
no_signature_date = { outcome = "not_evaluable", pt = "Sem data de assinatura.", en = "No day of signature.", columns = ["contracts.signature_date"] }
register_not_taken_in = { outcome = "not_evaluable", pt = "O cadastro de empresas da Receita Federal não foi importado.", en = "The register of companies was not taken in." }
company_unknown = { outcome = "not_evaluable", pt = "A empresa não consta no cadastro importado.", en = "The company is not in the register that was taken in." }
no_value = { outcome = "not_evaluable", pt = "Nenhum valor dos contratos do ano foi publicado.", en = "No value of the year's contracts is published.", columns = ["contracts.initial_value", "contracts.current_value"] }
register_undated = { outcome = "not_evaluable", pt = "O nome do arquivo do cadastro não diz de que dia ele é.", en = "The name of the file of the register does not say of which day it is." }
register_too_old = { outcome = "not_evaluable", pt = "O cadastro importado é anterior a algum dos contratos do ano.", en = "The register that was taken in is older than a contract of the year." }
size_at_date_unknown = { outcome = "not_evaluable", pt = "O cadastro importado é de anos depois: o porte e o capital no ano dos contratos não se sabem.", en = "The register that was taken in is of years later: size and capital in the year of the contracts are not known." }
size_not_informed = { outcome = "not_evaluable", pt = "O cadastro não informa o porte.", en = "The register does not tell the size.", columns = ["companies.size"] }
regimes_not_taken_in = { outcome = "not_evaluable", pt = "As opções pelo Simples e pelo MEI não foram importadas: não se sabe se a microempresa era MEI.", en = "The regimes (Simples, MEI) were not taken in: whether the micro company was a MEI is not known." }
term_beyond_year = { outcome = "not_evaluable", pt = "Os contratos do ano só passam do limite contado o que se executa em anos seguintes.", en = "The contracts of the year are above the limit only with what is done in later years counted." }
no_capital = { outcome = "not_evaluable", pt = "A empresa não tem capital social informado.", en = "The company has no capital in the register.", columns = ["companies.capital"] }

[[evidence]]
name = "year"
unit = "text"
label = { pt = "Ano", en = "Year" }

[[evidence]]
name = "rule"
unit = "text"
label = { pt = "O que foi ultrapassado", en = "What was passed" }
words = { size = { pt = "o limite do porte", en = "the limit of the size" }, capital = { pt = "o múltiplo do capital social", en = "the multiple of the capital" }, both = { pt = "o limite do porte e o múltiplo do capital social", en = "the limit of the size and the multiple of the capital" } }

[[evidence]]
name = "total"
unit = "BRL"
label = { pt = "Total do ano", en = "Total of the year" }

[[evidence]]
name = "contracts"
unit = "count"
label = { pt = "Contratos do ano", en = "Contracts of the year" }

[[evidence]]
name = "size"
unit = "text"
label = { pt = "Porte", en = "Size" }
words = { mei = { pt = "microempreendedor individual no ano inteiro", en = "micro-entrepreneur all year" }, mei_cargo = { pt = "microempreendedor individual no ano inteiro, que transporta ou pode transportar cargas", en = "micro-entrepreneur all year, who carries cargo or may" }, micro = { pt = "microempresa", en = "micro company" }, small = { pt = "empresa de pequeno porte", en = "small company" }, simples = { pt = "optante do Simples no ano inteiro", en = "under Simples all year" }, other = { pt = "sem limite de porte", en = "without a limit of size" }, unknown = { pt = "não se sabe", en = "not known" } }

[[evidence]]
name = "limit"
unit = "BRL"
label = { pt = "Limite do porte", en = "Limit of the size" }

[[evidence]]
name = "largest"
unit = "BRL"
label = { pt = "Maior contrato do ano", en = "Largest contract of the year" }

[[evidence]]
name = "capital"
unit = "BRL"
label = { pt = "Capital social", en = "Capital" }

[[evidence]]
name = "reference_date"
unit = "date"
label = { pt = "Dia do cadastro", en = "Day of the register" }

[[evidence]]
name = "root"
unit = "text"
label = { pt = "Raiz do CNPJ", en = "Root of the CNPJ" }

[[evidence]]
name = "supplier_name"
unit = "text"
label = { pt = "Fornecedor", en = "Supplier" }
*/
WITH signed AS (
    SELECT
        contract_id,
        in_scope,
        left(supplier_id, 8) AS root,
        supplier_name,
        signature_date,
        CAST(date_part('year', signature_date) AS INT) AS year,
        coalesce(initial_value, current_value) AS worth,
        -- Years of its term, rounded; one where no end is published.
        greatest(1, (CAST(end_date AS INT) - CAST(coalesce(start_date, signature_date) AS INT) + 183) / 365) AS years,
        -- Days of its term, and those of them in the year of the signature; none where no end is published.
        CAST(end_date AS INT) - CAST(coalesce(start_date, signature_date) AS INT) + 1 AS days,
        greatest(0, CAST(make_date(CAST(date_part('year', signature_date) AS INT), 12, 31) AS INT) - CAST(coalesce(start_date, signature_date) AS INT) + 1) AS days_in_year
    FROM contracts
    WHERE cnpj_unfit(supplier_key, supplier_kind, supplier_check) IS NULL AND signature_date IS NOT NULL
),
totals AS (
    SELECT
        root,
        year,
        bool_or(in_scope) AS in_scope,
        min(supplier_name) AS supplier_name,
        count(*) AS contracts,
        max(signature_date) AS last_day,
        CAST(sum(worth / CAST(coalesce(years, 1) AS DECIMAL(6, 0))) AS DECIMAL(38, 2)) AS total,
        -- What falls within the year, day by day; or all that one contract brings in a year of its own.
        greatest(
            sum(CASE
                WHEN days > days_in_year THEN CAST(worth AS DOUBLE) * CAST(days_in_year AS DOUBLE) / CAST(days AS DOUBLE)
                ELSE CAST(worth AS DOUBLE)
            END),
            max(CAST(worth AS DOUBLE) / CAST(coalesce(years, 1) AS DOUBLE))
        ) AS within,
        max(worth) AS largest
    FROM signed
    GROUP BY root, year
),
-- Who carries cargo: CNAE 4930-2.
carriers AS (
    SELECT root, bool_or(coalesce(activity, '') LIKE '4930%' OR coalesce(other_activities, '') LIKE '%4930%') AS cargo
    FROM establishments
    GROUP BY root
),
sized AS (
    SELECT
        s.*,
        coalesce(e.cargo, true) AND s.year >= 2022 AS cargo,
        c.company_id,
        c.size,
        c.capital,
        c.reference_date,
        t.regime_id,
        c.reference_date >= s.last_day AND CAST(date_part('year', c.reference_date) AS INT) <= s.year + 1 AS of_the_time,
        coalesce(t.mei_from < make_date(s.year, 1, 2) AND t.reference_date >= s.last_day AND CASE WHEN t.mei_until IS NULL THEN t.mei ELSE t.mei_until > make_date(s.year, 12, 31) END, false) AS all_year_mei,
        coalesce(t.simples_from < make_date(s.year, 1, 2) AND t.reference_date >= s.last_day AND CASE WHEN t.simples_until IS NULL THEN t.simples ELSE t.simples_until > make_date(s.year, 12, 31) END, false) AS all_year_simples
    FROM totals s
    LEFT JOIN companies c ON c.root = s.root
    LEFT JOIN tax_regimes t ON t.root = s.root
    LEFT JOIN carriers e ON e.root = s.root
),
limited AS (
    SELECT
        *,
        CASE
            WHEN all_year_mei THEN CASE WHEN cargo THEN 'mei_cargo' ELSE 'mei' END
            WHEN of_the_time AND size IN ('micro', 'small', 'other') THEN size
            WHEN all_year_simples THEN 'simples'
            ELSE 'unknown'
        END AS basis
    FROM sized
),
held AS (
    SELECT
        *,
        CASE basis WHEN 'mei' THEN $mei_limit WHEN 'mei_cargo' THEN $mei_cargo_limit WHEN 'micro' THEN $micro_limit WHEN 'small' THEN $small_limit WHEN 'simples' THEN $small_limit END AS ceiling
    FROM limited
),
compared AS (
    SELECT
        *,
        coalesce(total > ceiling AND within > CAST(ceiling AS DOUBLE), false) AS above_size,
        coalesce(total > ceiling AND within <= CAST(ceiling AS DOUBLE), false) AS beyond_year,
        coalesce(of_the_time AND capital > 0 AND largest >= $min_value AND largest >= capital * $capital_ratio, false) AS above_capital
    FROM held
),
judged AS (
    SELECT
        c.*,
        CASE
            WHEN c.above_size OR c.above_capital THEN 'fired'
            WHEN r.companies = 0 THEN 'register_not_taken_in'
            WHEN c.company_id IS NULL THEN 'company_unknown'
            WHEN c.total IS NULL THEN 'no_value'
            WHEN c.reference_date IS NULL THEN 'register_undated'
            WHEN c.reference_date < c.last_day THEN 'register_too_old'
            WHEN NOT c.of_the_time THEN 'size_at_date_unknown'
            WHEN c.basis = 'unknown' THEN 'size_not_informed'
            WHEN c.basis = 'micro' AND r.tax_regimes = 0 THEN 'regimes_not_taken_in'
            WHEN c.beyond_year THEN 'term_beyond_year'
            WHEN c.capital IS NULL OR c.capital <= 0 THEN 'no_capital'
            ELSE 'clear'
        END AS verdict
    FROM compared c
    CROSS JOIN register_content r
),
-- Above the size all contracts of the year count; above the capital alone those that are.
contract_rows AS (
    SELECT j.root, j.year, array_agg(s.contract_id ORDER BY s.contract_id) AS contract_ids
    FROM judged j
    JOIN signed s ON s.root = j.root AND s.year = j.year
    WHERE j.verdict = 'fired' AND (j.above_size OR (s.worth >= $min_value AND s.worth >= j.capital * $capital_ratio))
    GROUP BY j.root, j.year
),
others AS (
    SELECT
        contract_id,
        in_scope,
        coalesce(cnpj_unfit(supplier_key, supplier_kind, supplier_check), 'no_signature_date') AS verdict
    FROM contracts
    WHERE cnpj_unfit(supplier_key, supplier_kind, supplier_check) IS NOT NULL OR signature_date IS NULL
)
SELECT
    j.root || ' ' || CAST(j.year AS VARCHAR) AS subject,
    CASE WHEN j.verdict IN ('fired', 'clear') THEN j.verdict ELSE 'not_evaluable' END AS outcome,
    CASE WHEN j.verdict NOT IN ('fired', 'clear') THEN j.verdict END AS reason,
    CASE WHEN j.verdict = 'fired' THEN 'medium' END AS severity,
    j.in_scope,
    c.contract_ids,
    CASE WHEN j.verdict = 'fired' AND j.company_id IS NOT NULL THEN make_array(j.company_id) END AS company_ids,
    CASE WHEN j.verdict = 'fired' AND j.basis IN ('mei', 'mei_cargo', 'simples') THEN make_array(j.regime_id) END AS regime_ids,
    CASE WHEN j.above_size THEN j.total - j.ceiling END AS amount,
    CAST(j.year AS VARCHAR) AS year,
    CASE WHEN j.above_size AND j.above_capital THEN 'both' WHEN j.above_size THEN 'size' WHEN j.above_capital THEN 'capital' END AS rule,
    j.total,
    j.contracts,
    j.basis AS size,
    j.ceiling AS "limit",
    j.largest,
    j.capital,
    j.reference_date,
    j.root,
    j.supplier_name
FROM judged j
LEFT JOIN contract_rows c ON c.root = j.root AND c.year = j.year
UNION ALL
SELECT
    contract_id,
    'not_evaluable',
    verdict,
    CAST(NULL AS VARCHAR),
    in_scope,
    CAST(NULL AS VARCHAR[]),
    CAST(NULL AS VARCHAR[]),
    CAST(NULL AS VARCHAR[]),
    NULL,
    CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR),
    NULL,
    CAST(NULL AS BIGINT),
    CAST(NULL AS VARCHAR),
    NULL,
    NULL,
    NULL,
    CAST(NULL AS DATE),
    CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR)
FROM others
