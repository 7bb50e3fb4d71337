/*
id = "non_competitive_share"
version = "1.1.0"
strength = "statistical"
scope = "pattern"
reference = "OCP R013, R010"
legal_basis = "Constituição art. 37 XXI"
tags = ["direct_award"]
groups = ["direct_award", "concentration"]
tables = ["contracts"]

[title]
pt = "Unidade que contrata quase tudo sem licitação"
en = "Unit that contracts nearly everything without tender"

[explanation]
pt = "A parte do valor contratado por dispensa ou inexigibilidade passa de Q3 + {outlier_k|exact}·(Q3 − Q1) das unidades da mesma esfera com ao menos {min_contracts|exact} contratos nos dados (quartis do tipo 8), e de {min_share|exact}."
en = "The share of the value contracted by dispensa or inexigibilidade is above Q3 + {outlier_k|exact}·(Q3 − Q1) of the units of the same sphere with at least {min_contracts|exact} contracts in the data (quartiles of type 8), and above {min_share|exact}."

[severity]
pt = "Média."
en = "Medium."

[text]
pt = "{buyer_name|text} contratou sem licitação {share|percent} do valor ({direct_value|brl} de {total_value|brl}, {direct_contracts|int} de {contracts|int} contratos com modalidade informada, assinados de {first_signature|date} a {last_signature|date}). Entre {peers|int} unidades da esfera, metade fica entre {lower_quartile|percent} e {upper_quartile|percent}; o limite estatístico é de {fence|percent}. A natureza da unidade pode explicá-lo: é um indício a conferir."
en = "{buyer_name|text} contracted {share|percent} of the value without tender ({direct_value|brl} of {total_value|brl}, {direct_contracts|int} of {contracts|int} contracts with a known modality, signed from {first_signature|date} to {last_signature|date}). Of {peers|int} units of the sphere half lie between {lower_quartile|percent} and {upper_quartile|percent}; the fence is {fence|percent}. What the unit does may explain it: this is an indication to check."

[false_positives]
pt = ["Unidade que apoia pesquisa por fundação, ou compra de fornecedor exclusivo.", "Poucos meses de dados: um contrato grande pesa muito."]
en = ["A unit that works through a supporting foundation, or buys from a sole supplier.", "Few months of data: one large contract weighs much."]

[[parameters]]
name = "outlier_k"
value = "1.5"
unit = "factor"
min = "1"
label = { pt = "Múltiplo da amplitude entre quartis", en = "Multiple of the interquartile range" }

[[parameters]]
name = "min_share"
value = "0.60"
unit = "ratio"
min = "0.01"
max = "1"
label = { pt = "Participação mínima", en = "Smallest share" }

[[parameters]]
name = "min_contracts"
value = "20"
unit = "count"
min = "1"
label = { pt = "Contratos mínimos da unidade", en = "Fewest contracts of the unit" }

[[parameters]]
name = "min_buyers"
value = "20"
unit = "count"
min = "4"
label = { pt = "Unidades mínimas no grupo", en = "Fewest units in the group" }

[reasons.too_few_contracts]
outcome = "not_evaluable"
pt = "A unidade tem menos de {min_contracts|exact} contratos com modalidade e valor."
en = "The unit has fewer than {min_contracts|exact} contracts with a modality and a value."

[reasons.too_few_buyers]
outcome = "not_evaluable"
pt = "Há menos de {min_buyers|exact} unidades no grupo."
en = "There are fewer than {min_buyers|exact} units in the group."

[reasons.peer_group_without_spread]
outcome = "not_evaluable"
pt = "Os quartis do grupo são iguais."
en = "The quartiles of the group are equal."

[reasons.fence_above_the_whole]
outcome = "not_evaluable"
pt = "As unidades do grupo diferem tanto que o limite estatístico fica em 100 % ou mais."
en = "The units of the group differ so much that the fence lies at 100% or more."

[reasons.modality_decisive]
outcome = "not_evaluable"
pt = "Contados os contratos sem modalidade informada, a participação pode ficar dentro do limite."
en = "With the contracts of unknown modality counted, the share may be within the fence."

[[evidence]]
name = "share"
unit = "ratio"
label = { pt = "Participação sem licitação", en = "Share without tender" }

[[evidence]]
name = "direct_value"
unit = "BRL"
label = { pt = "Valor sem licitação", en = "Value without tender" }

[[evidence]]
name = "total_value"
unit = "BRL"
label = { pt = "Valor com modalidade informada", en = "Value with a known modality" }

[[evidence]]
name = "direct_contracts"
unit = "count"
label = { pt = "Contratos sem licitação", en = "Contracts without tender" }

[[evidence]]
name = "contracts"
unit = "count"
label = { pt = "Contratos com modalidade informada", en = "Contracts with a known modality" }

[[evidence]]
name = "fence"
unit = "ratio"
label = { pt = "Limite estatístico", en = "Fence" }

[[evidence]]
name = "lower_quartile"
unit = "ratio"
label = { pt = "Primeiro quartil", en = "First quartile" }

[[evidence]]
name = "median"
unit = "ratio"
label = { pt = "Mediana", en = "Median" }

[[evidence]]
name = "upper_quartile"
unit = "ratio"
label = { pt = "Terceiro quartil", en = "Third quartile" }

[[evidence]]
name = "peers"
unit = "count"
label = { pt = "Unidades no grupo", en = "Units in the group" }

[[evidence]]
name = "buyer_name"
unit = "text"
label = { pt = "Unidade", en = "Unit" }

[[evidence]]
name = "first_signature"
unit = "date"
label = { pt = "Primeira assinatura", en = "First signature" }

[[evidence]]
name = "last_signature"
unit = "date"
label = { pt = "Última assinatura", en = "Last signature" }
*/
WITH buyers AS (
    SELECT
        buyer_id,
        min(buyer_name) AS buyer_name,
        coalesce(min(sphere), '') AS sphere,
        bool_or(in_scope) AS in_scope,
        count(*) FILTER (WHERE modality <> 'not_informed' AND initial_value > 0) AS contracts,
        count(*) FILTER (WHERE modality IN ('dispensa_licitacao', 'inexigibilidade') AND initial_value > 0) AS direct_contracts,
        coalesce(sum(initial_value) FILTER (WHERE modality <> 'not_informed' AND initial_value > 0), 0) AS known,
        coalesce(sum(initial_value) FILTER (WHERE modality IN ('dispensa_licitacao', 'inexigibilidade') AND initial_value > 0), 0) AS direct,
        coalesce(sum(initial_value) FILTER (WHERE modality = 'not_informed' AND initial_value > 0), 0) AS unknown,
        min(signature_date) AS first_signature,
        max(signature_date) AS last_signature
    FROM contracts
    GROUP BY buyer_id
),
shares AS (
    SELECT
        *,
        CASE WHEN contracts >= $min_contracts THEN CAST(direct AS DOUBLE) / CAST(known AS DOUBLE) END AS share
    FROM buyers
),
peers AS (
    SELECT sphere, count(*) AS peers, quantile8(share, 0.25) AS q1, quantile8(share, 0.5) AS median, quantile8(share, 0.75) AS q3
    FROM shares
    WHERE share IS NOT NULL
    GROUP BY sphere
),
fenced AS (
    SELECT s.*, p.peers, p.q1, p.median, p.q3, p.q3 + $outlier_k * (p.q3 - p.q1) AS fence
    FROM shares s
    LEFT JOIN peers p ON p.sphere = s.sphere
),
judged AS (
    SELECT
        *,
        CASE
            WHEN share IS NULL THEN 'too_few_contracts'
            WHEN peers < $min_buyers THEN 'too_few_buyers'
            WHEN q3 - q1 = 0 THEN 'peer_group_without_spread'
            WHEN fence >= 1 THEN 'fence_above_the_whole'
            WHEN share <= fence OR share < CAST($min_share AS DOUBLE) THEN 'clear'
            WHEN CAST(direct AS DOUBLE) / CAST(known + unknown AS DOUBLE) <= fence THEN 'modality_decisive'
            ELSE 'fired'
        END AS verdict
    FROM fenced
),
-- A list is made only of what fires.
listed AS (
    SELECT j.buyer_id AS of_buyer, array_agg(c.contract_id ORDER BY c.initial_value DESC, c.contract_id) AS contract_ids
    FROM judged j
    JOIN contracts c ON c.buyer_id = j.buyer_id
    WHERE j.verdict = 'fired' AND c.modality IN ('dispensa_licitacao', 'inexigibilidade') AND c.initial_value > 0
    GROUP BY j.buyer_id
)
SELECT
    buyer_id AS subject,
    CASE WHEN verdict IN ('fired', 'clear') THEN verdict ELSE 'not_evaluable' END AS outcome,
    CASE WHEN verdict NOT IN ('fired', 'clear') THEN verdict END AS reason,
    CASE WHEN verdict = 'fired' THEN 'medium' END AS severity,
    in_scope,
    l.contract_ids,
    share,
    direct AS direct_value,
    known AS total_value,
    direct_contracts,
    contracts,
    fence,
    q1 AS lower_quartile,
    median,
    q3 AS upper_quartile,
    peers,
    buyer_name,
    first_signature,
    last_signature
FROM judged
LEFT JOIN listed l ON l.of_buyer = judged.buyer_id
