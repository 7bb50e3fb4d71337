/*
id = "supplier_share_of_buyer"
version = "2.1.0"
strength = "statistical"
scope = "pattern"
reference = "OCP R040"
legal_basis = ""
tags = ["unusual_vendor_concentration"]
groups = ["concentration", "supplier"]
tables = ["contracts", "covered_months"]

[title]
pt = "Concentração em um fornecedor"
en = "Concentration on one supplier"

[explanation]
pt = "Em uma janela de doze meses do calendário, todos com o arquivo do mês recebido, um fornecedor responde por {min_share|exact} ou mais do valor contratado por uma unidade com ao menos {min_contracts|exact} contratos e {min_total|exact}. São julgadas a última janela que termina em um mês de assinatura da unidade e as que terminam em um mês de assinatura do par e têm um ano cheio antes."
en = "Within a window of twelve calendar months, each with its monthly file taken in, one supplier has {min_share|exact} or more of the value contracted by a unit with at least {min_contracts|exact} contracts and {min_total|exact}. Judged are the last window that ends with a month of the unit's signatures and those that end with a month of the pair's signatures and have a full year before them."

[severity]
pt = "Média a partir de {min_share|exact}; alta a partir de {high_share|exact}."
en = "Medium from {min_share|exact}; high from {high_share|exact}."

[text]
pt = "{supplier_name|text} ({supplier_id|text}) responde por {share|percent} do valor dos contratos que {buyer_name|text} assinou de {window_start|date} a {window_end|date}, publicados nos arquivos mensais recebidos, que cobrem todo o período: {supplier_value|brl} de {buyer_total|brl}, em {supplier_contracts|int} de {buyer_contracts|int} contratos com fornecedor identificado. O limite deste indício é de {min_share|percent}. Mercados com poucos fornecedores concentram sem irregularidade: é um indício a conferir."
en = "{supplier_name|text} ({supplier_id|text}) has {share|percent} of the value of the contracts that {buyer_name|text} signed from {window_start|date} to {window_end|date}, as published in the monthly files taken in, which cover the whole period: {supplier_value|brl} of {buyer_total|brl}, in {supplier_contracts|int} of {buyer_contracts|int} contracts with a known supplier. The threshold of this flag is {min_share|percent}. Markets with few suppliers concentrate without any irregularity: this is an indication to check."

[false_positives]
pt = ["Um contrato grande e licitado (obra, energia, vigilância) em uma unidade pequena.", "Fundação de apoio, fornecedor exclusivo ou concessionária de serviço público.", "Contratos da unidade publicados em outra fonte, ou depois dos arquivos recebidos."]
en = ["One large contract won in competition (works, energy, security) at a small unit.", "A supporting foundation, a sole supplier or a public utility.", "Contracts of the unit that are published elsewhere, or after the files taken in."]

[[parameters]]
name = "min_share"
value = "0.30"
unit = "ratio"
min = "0.01"
max = "1"
not_above = "high_share"
label = { pt = "Participação mínima", en = "Smallest share" }

[[parameters]]
name = "high_share"
value = "0.50"
unit = "ratio"
min = "0.01"
max = "1"
label = { pt = "Participação para severidade alta", en = "Share for high severity" }

[[parameters]]
name = "min_total"
value = "1000000.00"
unit = "BRL"
label = { pt = "Total mínimo da unidade na janela", en = "Smallest total of the unit in the window" }

[[parameters]]
name = "min_contracts"
value = "10"
unit = "count"
min = "1"
label = { pt = "Contratos mínimos da unidade na janela", en = "Fewest contracts of the unit in the window" }

[reasons.window_not_covered]
outcome = "not_evaluable"
pt = "Nenhum mês de assinatura da unidade encerra doze meses seguidos de arquivos mensais recebidos: os dados não cobrem um ano."
en = "No month of the unit's signatures closes twelve consecutive monthly files taken in: the data do not cover a year."

[reasons.buyer_below_minimum]
outcome = "not_evaluable"
pt = "A unidade não tem, em nenhuma janela julgada, {min_contracts|exact} contratos e {min_total|exact} com fornecedor identificado."
en = "In no window judged does the unit have {min_contracts|exact} contracts and {min_total|exact} with known suppliers."

[reasons.public_body]
outcome = "not_evaluable"
pt = "O fornecedor é órgão ou entidade pública, que a administração pode contratar sem licitação."
en = "The supplier is a public body, which the administration may contract without a tender."

[reasons.secret_suppliers_decisive]
outcome = "not_evaluable"
pt = "Contados os contratos com fornecedor em sigilo, a participação pode ficar abaixo de {min_share|exact}."
en = "With the contracts of secret suppliers counted, the share may be below {min_share|exact}."

[reasons.no_value]
outcome = "not_evaluable"
pt = "O par não tem contrato com data de assinatura e valor inicial positivo."
en = "The pair has no contract with a date of signature and a positive initial value."
columns = ["contracts.signature_date", "contracts.initial_value"]

[[evidence]]
name = "share"
unit = "ratio"
label = { pt = "Participação", en = "Share" }

[[evidence]]
name = "supplier_value"
unit = "BRL"
label = { pt = "Valor do fornecedor", en = "Value of the supplier" }

[[evidence]]
name = "buyer_total"
unit = "BRL"
label = { pt = "Total da unidade", en = "Total of the unit" }

[[evidence]]
name = "secret_value"
unit = "BRL"
label = { pt = "Valor com fornecedor em sigilo", en = "Value with secret suppliers" }

[[evidence]]
name = "supplier_contracts"
unit = "count"
label = { pt = "Contratos do fornecedor", en = "Contracts of the supplier" }

[[evidence]]
name = "buyer_contracts"
unit = "count"
label = { pt = "Contratos da unidade", en = "Contracts of the unit" }

[[evidence]]
name = "window_start"
unit = "date"
label = { pt = "Início da janela", en = "First day of the window" }

[[evidence]]
name = "window_end"
unit = "date"
label = { pt = "Fim da janela", en = "Last day of the window" }

[[evidence]]
name = "supplier_id"
unit = "text"
label = { pt = "Fornecedor", en = "Supplier" }

[[evidence]]
name = "supplier_name"
unit = "text"
label = { pt = "Nome do fornecedor", en = "Name of the supplier" }

[[evidence]]
name = "buyer_name"
unit = "text"
label = { pt = "Unidade", en = "Unit" }
*/
WITH signed AS (
    SELECT
        *,
        CAST(date_part('year', signature_date) AS INT) * 12 + CAST(date_part('month', signature_date) AS INT) - 1 AS month
    FROM contracts
    WHERE signature_date IS NOT NULL
),
-- Months that close twelve covered ones: with fewer, a share of the months at hand would pass for one of a year.
years AS (
    SELECT month FROM (
        SELECT month, count(*) OVER (ORDER BY month RANGE BETWEEN 11 PRECEDING AND CURRENT ROW) AS months
        FROM covered_months
    )
    WHERE months = 12
),
pairs AS (
    SELECT
        buyer_id,
        supplier_key,
        bool_or(in_scope) AS in_scope,
        bool_or(signature_date IS NOT NULL AND coalesce(initial_value, 0) > 0) AS valued
    FROM contracts
    WHERE supplier_key IS NOT NULL
    GROUP BY buyer_id, supplier_key
),
last_months AS (
    SELECT s.buyer_id, max(s.month) AS month
    FROM signed s
    JOIN years y ON y.month = s.month
    GROUP BY s.buyer_id
),
-- One row per buyer, supplier (null: secret) and month.
monthly AS (
    SELECT buyer_id, supplier_key, month, sum(initial_value) AS value, count(*) AS contracts
    FROM signed
    WHERE initial_value > 0
    GROUP BY buyer_id, supplier_key, month
),
buyer_monthly AS (
    SELECT
        buyer_id,
        month,
        sum(CASE WHEN supplier_key IS NOT NULL THEN value ELSE 0 END) AS known,
        sum(CASE WHEN supplier_key IS NULL THEN value ELSE 0 END) AS secret,
        sum(CASE WHEN supplier_key IS NOT NULL THEN contracts ELSE 0 END) AS contracts
    FROM monthly
    GROUP BY buyer_id, month
),
buyer_windows AS (
    SELECT w.* FROM (
        SELECT
            buyer_id,
            month,
            sum(known) OVER last_year AS known,
            sum(secret) OVER last_year AS secret,
            sum(contracts) OVER last_year AS contracts,
            sum(contracts) OVER (PARTITION BY buyer_id ORDER BY month RANGE BETWEEN 23 PRECEDING AND 12 PRECEDING) AS before
        FROM buyer_monthly
        WINDOW last_year AS (PARTITION BY buyer_id ORDER BY month RANGE BETWEEN 11 PRECEDING AND CURRENT ROW)
    ) w
    JOIN years y ON y.month = w.month
    WHERE w.before >= $min_contracts AND w.contracts >= $min_contracts AND w.known >= $min_total
),
last_totals AS (
    SELECT
        b.buyer_id,
        l.month,
        sum(b.known) AS known,
        sum(b.secret) AS secret,
        sum(b.contracts) AS contracts
    FROM buyer_monthly b
    JOIN last_months l ON l.buyer_id = b.buyer_id
    WHERE b.month BETWEEN l.month - 11 AND l.month
    GROUP BY b.buyer_id, l.month
    HAVING sum(b.contracts) >= $min_contracts AND sum(b.known) >= $min_total
),
-- A pair has few months: joining them costs less than a window over all of them.
pair_windows AS (
    SELECT w.buyer_id, m.supplier_key, w.month, w.known, w.secret, w.contracts, sum(b.value) AS won, sum(b.contracts) AS supplier_contracts
    FROM buyer_windows w
    JOIN monthly m ON m.buyer_id = w.buyer_id AND m.month = w.month
    JOIN monthly b ON b.buyer_id = m.buyer_id AND b.supplier_key = m.supplier_key AND b.month BETWEEN m.month - 11 AND m.month
    WHERE m.supplier_key IS NOT NULL
    GROUP BY w.buyer_id, m.supplier_key, w.month, w.known, w.secret, w.contracts
),
judged AS (
    SELECT buyer_id, supplier_key, month, won, supplier_contracts, known, secret, contracts AS buyer_contracts
    FROM pair_windows
    UNION ALL
    SELECT m.buyer_id, m.supplier_key, t.month, sum(m.value), CAST(sum(m.contracts) AS BIGINT), t.known, t.secret, t.contracts
    FROM last_totals t
    JOIN monthly m ON m.buyer_id = t.buyer_id
    WHERE m.supplier_key IS NOT NULL AND m.month BETWEEN t.month - 11 AND t.month
    GROUP BY m.buyer_id, m.supplier_key, t.month, t.known, t.secret, t.contracts
),
-- Of each pair the window of the largest share, the latest of equals.
largest AS (
    SELECT *, won >= $min_share * known AS concentrated FROM (
        SELECT
            *,
            row_number() OVER (
                PARTITION BY buyer_id, supplier_key
                ORDER BY CAST(won AS DOUBLE) / CAST(known AS DOUBLE) DESC, month DESC
            ) AS place
        FROM judged
    )
    WHERE place = 1
),
answers AS (
    SELECT
        p.buyer_id,
        p.supplier_key,
        p.in_scope,
        c.month,
        c.won,
        c.known,
        c.secret,
        c.supplier_contracts,
        c.buyer_contracts,
        CASE
            WHEN NOT p.valued THEN 'no_value'
            WHEN c.concentrated AND c.won < $min_share * (c.known + c.secret) THEN 'secret_suppliers_decisive'
            WHEN c.concentrated THEN 'fired'
            WHEN c.month IS NOT NULL OR t.buyer_id IS NOT NULL THEN 'clear'
            WHEN l.buyer_id IS NULL THEN 'window_not_covered'
            ELSE 'buyer_below_minimum'
        END AS verdict
    FROM pairs p
    LEFT JOIN largest c ON c.buyer_id = p.buyer_id AND c.supplier_key = p.supplier_key
    LEFT JOIN last_totals t ON t.buyer_id = p.buyer_id
    LEFT JOIN last_months l ON l.buyer_id = p.buyer_id
),
details AS (
    SELECT
        a.buyer_id,
        a.supplier_key,
        array_agg(s.contract_id ORDER BY s.signature_date, s.contract_id) AS contract_ids,
        min(show_tax_id(s.supplier_kind, s.supplier_id)) AS supplier_id,
        last_value(s.supplier_name ORDER BY s.signature_date, s.contract_id) AS supplier_name,
        last_value(s.buyer_name ORDER BY s.signature_date, s.contract_id) AS buyer_name,
        bool_and(is_public_body(s.supplier_kind, s.supplier_name)) AS public_body
    FROM answers a
    JOIN signed s ON s.buyer_id = a.buyer_id AND s.supplier_key = a.supplier_key
    WHERE a.verdict = 'fired' AND s.initial_value > 0 AND s.month BETWEEN a.month - 11 AND a.month
    GROUP BY a.buyer_id, a.supplier_key
),
-- The administration may contract with itself (Lei 14.133/2021 art. 75 IX).
told AS (
    SELECT a.*, d.contract_ids, d.supplier_id, d.supplier_name, d.buyer_name, CASE WHEN d.public_body THEN 'public_body' ELSE a.verdict END AS answer
    FROM answers a
    LEFT JOIN details d ON d.buyer_id = a.buyer_id AND d.supplier_key = a.supplier_key
)
SELECT
    buyer_id || '/' || coalesce(supplier_id, '') AS subject,
    CASE WHEN answer IN ('fired', 'clear') THEN answer ELSE 'not_evaluable' END AS outcome,
    CASE WHEN answer NOT IN ('fired', 'clear') THEN answer END AS reason,
    CASE
        WHEN answer <> 'fired' THEN NULL
        WHEN won >= $high_share * known THEN 'high'
        ELSE 'medium'
    END AS severity,
    in_scope,
    CASE WHEN answer = 'fired' THEN contract_ids END AS contract_ids,
    CASE WHEN answer = 'fired' THEN CAST(won AS DOUBLE) / CAST(known AS DOUBLE) END AS share,
    won AS supplier_value,
    known AS buyer_total,
    secret AS secret_value,
    supplier_contracts,
    buyer_contracts,
    make_date((month - 11) / 12, (month - 11) % 12 + 1, 1) AS window_start,
    CAST(CAST(make_date((month + 1) / 12, (month + 1) % 12 + 1, 1) AS INT) - 1 AS DATE) AS window_end,
    supplier_id,
    supplier_name,
    buyer_name
FROM told
