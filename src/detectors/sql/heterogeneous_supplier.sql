/*
id = "heterogeneous_supplier"
version = "1.1.0"
strength = "statistical"
scope = "pattern"
reference = "OCP R048"
legal_basis = ""
tags = ["supplier"]
groups = ["supplier"]
tables = ["contracts", "contract_items", "shared_numbers"]

[title]
pt = "Fornecedor de ramos muito diversos"
en = "Supplier of very different lines"

[explanation]
pt = "O número de classes de dois dígitos que um fornecedor vende passa de Q3 + {outlier_k|exact}·(Q3 − Q1) dos fornecedores com ao menos {min_processes|exact} processos (quartis do tipo 8). Precisa de itens com código de classificação, que o Portal da Transparência não publica."
en = "The number of two-digit classes that a supplier sells is above Q3 + {outlier_k|exact}·(Q3 − Q1) of the suppliers with at least {min_processes|exact} processes (quartiles of type 8). It needs items with a classification code, which the Portal da Transparência does not publish."

[severity]
pt = "Baixa."
en = "Low."

[text]
pt = "{supplier_name|text} ({supplier_id|text}) vendeu itens de {classes|int} classes ({class_list|text}) em {processes|int} processos; metade dos {peers|int} fornecedores comparáveis fica entre {lower_quartile|ratio} e {upper_quartile|ratio}, e o limite estatístico é {fence|ratio}. Distribuidores vendem de tudo: é um indício a conferir."
en = "{supplier_name|text} ({supplier_id|text}) sold items of {classes|int} classes ({class_list|text}) in {processes|int} processes; half of the {peers|int} comparable suppliers lie between {lower_quartile|ratio} and {upper_quartile|ratio}, and the fence is {fence|ratio}. Distributors sell everything: this is an indication to check."

[false_positives]
pt = ["Distribuidor ou atacadista.", "Classificação errada de itens."]
en = ["A distributor or wholesaler.", "Items put into the wrong class."]

[[parameters]]
name = "outlier_k"
value = "1.5"
unit = "factor"
min = "1"
label = { pt = "Múltiplo da amplitude entre quartis", en = "Multiple of the interquartile range" }

[[parameters]]
name = "min_processes"
value = "20"
unit = "count"
min = "1"
label = { pt = "Processos mínimos do fornecedor", en = "Fewest processes of the supplier" }

[[parameters]]
name = "min_peers"
value = "30"
unit = "count"
min = "4"
label = { pt = "Fornecedores mínimos no grupo", en = "Fewest suppliers in the group" }

[reasons.no_item_class]
outcome = "not_evaluable"
pt = "A fonte não publica a classe dos itens."
en = "The source does not publish the class of the items."
columns = ["contract_items.code"]

[reasons.too_few_processes]
outcome = "not_evaluable"
pt = "O fornecedor tem menos de {min_processes|exact} processos com itens classificados."
en = "The supplier has fewer than {min_processes|exact} processes with classified items."

[reasons.peer_group_too_small]
outcome = "not_evaluable"
pt = "Há menos de {min_peers|exact} fornecedores no grupo."
en = "There are fewer than {min_peers|exact} suppliers in the group."

[reasons.peer_group_without_spread]
outcome = "not_evaluable"
pt = "Os quartis do grupo são iguais."
en = "The quartiles of the group are equal."

[[evidence]]
name = "classes"
unit = "count"
label = { pt = "Classes", en = "Classes" }

[[evidence]]
name = "class_list"
unit = "text"
label = { pt = "Lista das classes", en = "List of the classes" }

[[evidence]]
name = "processes"
unit = "count"
label = { pt = "Processos", en = "Processes" }

[[evidence]]
name = "fence"
unit = "count"
label = { pt = "Limite estatístico", en = "Fence" }

[[evidence]]
name = "lower_quartile"
unit = "count"
label = { pt = "Primeiro quartil", en = "First quartile" }

[[evidence]]
name = "upper_quartile"
unit = "count"
label = { pt = "Terceiro quartil", en = "Third quartile" }

[[evidence]]
name = "peers"
unit = "count"
label = { pt = "Fornecedores no grupo", en = "Suppliers in the group" }

[[evidence]]
name = "supplier_id"
unit = "text"
label = { pt = "Fornecedor", en = "Supplier" }

[[evidence]]
name = "supplier_name"
unit = "text"
label = { pt = "Nome do fornecedor", en = "Name of the supplier" }
*/
-- A class of goods or services: four to ten digits, as CPV, UNSPSC and CATMAT's groups have; codes of the
-- items of a tender are longer, and tell nothing of what is bought.
WITH coded AS (
    SELECT DISTINCT buyer_id, contract_number AS number, left(code, 2) AS class
    FROM contract_items
    WHERE regexp_like(code, '^[0-9]{4,10}(-[0-9])?\z')
),
classes AS (
    SELECT c.contract_id, i.class
    FROM coded i
    JOIN contracts c ON c.buyer_id = i.buyer_id AND c.number = i.number
    LEFT JOIN shared_numbers s ON s.buyer_id = i.buyer_id AND s.number = i.number
    WHERE s.number IS NULL
),
processes AS (
    SELECT
        contract_id, supplier_key, supplier_kind, supplier_id, supplier_name, in_scope,
        coalesce(coalesce(tender_buyer_id, '') || '/' || tender_number, contract_id) AS process
    FROM contracts
    WHERE supplier_key IS NOT NULL
),
-- Counted from distinct rows, and lists made only of what fires: `count(DISTINCT …)`, `string_agg` and
-- `array_agg` keep a state on the heap for each supplier.
named AS (
    SELECT
        supplier_key,
        min(show_tax_id(supplier_kind, supplier_id)) AS supplier_id,
        min(supplier_name) AS supplier_name,
        bool_or(in_scope) AS in_scope
    FROM processes
    GROUP BY supplier_key
),
bought AS (
    SELECT DISTINCT p.supplier_key, p.process, c.class
    FROM processes p
    JOIN classes c ON c.contract_id = p.contract_id
),
with_class AS (
    SELECT supplier_key, count(*) AS processes
    FROM (SELECT DISTINCT supplier_key, process FROM bought)
    GROUP BY supplier_key
),
counted AS (
    SELECT supplier_key, count(*) AS classes
    FROM (SELECT DISTINCT supplier_key, class FROM bought)
    GROUP BY supplier_key
),
suppliers AS (
    SELECT n.*, coalesce(w.processes, 0) AS processes, coalesce(c.classes, 0) AS classes
    FROM named n
    LEFT JOIN with_class w ON w.supplier_key = n.supplier_key
    LEFT JOIN counted c ON c.supplier_key = n.supplier_key
),
peers AS (
    SELECT
        count(*) AS peers,
        quantile8(CAST(classes AS DOUBLE), 0.25) AS q1,
        quantile8(CAST(classes AS DOUBLE), 0.75) AS q3
    FROM suppliers
    WHERE processes >= $min_processes
),
judged AS (
    SELECT
        s.*,
        p.peers,
        p.q1,
        p.q3,
        p.q3 + $outlier_k * (p.q3 - p.q1) AS fence,
        CASE
            WHEN s.classes = 0 THEN 'no_item_class'
            WHEN s.processes < $min_processes THEN 'too_few_processes'
            WHEN p.peers < $min_peers THEN 'peer_group_too_small'
            WHEN p.q3 - p.q1 = 0 THEN 'peer_group_without_spread'
            WHEN s.classes > p.q3 + $outlier_k * (p.q3 - p.q1) THEN 'fired'
            ELSE 'clear'
        END AS verdict
    FROM suppliers s
    CROSS JOIN peers p
),
class_lists AS (
    SELECT supplier_key, string_agg(class, ', ' ORDER BY class) AS class_list
    FROM (
        SELECT DISTINCT b.supplier_key, b.class
        FROM bought b
        JOIN judged j ON j.supplier_key = b.supplier_key
        WHERE j.verdict = 'fired'
    )
    GROUP BY supplier_key
),
contract_lists AS (
    SELECT p.supplier_key, array_agg(p.contract_id ORDER BY p.contract_id) AS contract_ids
    FROM processes p
    JOIN judged j ON j.supplier_key = p.supplier_key
    WHERE j.verdict = 'fired'
    GROUP BY p.supplier_key
)
SELECT
    j.supplier_id AS subject,
    CASE WHEN j.verdict IN ('fired', 'clear') THEN j.verdict ELSE 'not_evaluable' END AS outcome,
    CASE WHEN j.verdict NOT IN ('fired', 'clear') THEN j.verdict END AS reason,
    CASE WHEN j.verdict = 'fired' THEN 'low' END AS severity,
    j.in_scope,
    o.contract_ids,
    j.classes,
    l.class_list,
    j.processes,
    j.fence,
    j.q1 AS lower_quartile,
    j.q3 AS upper_quartile,
    j.peers,
    j.supplier_id,
    j.supplier_name
FROM judged j
LEFT JOIN class_lists l ON l.supplier_key = j.supplier_key
LEFT JOIN contract_lists o ON o.supplier_key = j.supplier_key
