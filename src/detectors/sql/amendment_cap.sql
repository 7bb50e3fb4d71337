/*
id = "amendment_cap"
version = "1.2.0"
strength = "legal"
scope = "single"
reference = "OCP R069, R064"
legal_basis = "Lei 14.133/2021 art. 125; Lei 8.666/1993 art. 65 §1"
tags = ["amendment"]
groups = ["value", "amendment"]
tables = ["contracts", "contract_amendments"]

[title]
pt = "Acréscimos acima do limite legal"
en = "Additions above the legal limit"

[explanation]
pt = "O valor atual passa do inicial em mais de 25 % (50 % na reforma de edifício ou equipamento) e todos os aditivos publicados são acréscimos, com ou sem supressões: nem prorrogação, nem reajuste, repactuação ou reequilíbrio explicam o aumento."
en = "The current value is above the initial one by more than 25% (50% for the reform of a building or of equipment) and every published amendment is an addition, with or without reductions: neither an extension of the term nor a price adjustment explains the increase."

[severity]
pt = "Alta; crítica se o aumento passa do dobro do limite e de {critical_increase|exact}."
en = "High; critical if the increase is above twice the limit and above {critical_increase|exact}."

[text]
pt = "O valor passou de {initial_value|brl} para {current_value|brl}: aumento de {increase|brl} ({increase_ratio|percent}), acima do limite de {cap|percent} em {amount|brl}. Aditivos publicados: {amendments|int}, todos de acréscimo ou supressão. Sem o valor de cada aditivo na fonte, é um indício a conferir no processo."
en = "The value went from {initial_value|brl} to {current_value|brl}: an increase of {increase|brl} ({increase_ratio|percent}), above the limit of {cap|percent} by {amount|brl}. Published amendments: {amendments|int}, all of them additions or reductions. The source does not give the value of each, so this is an indication to check in the case file."

[false_positives]
pt = ["Reajustes por apostilamento, que a fonte não publica como aditivo.", "Limite calculado sobre o valor inicial atualizado, que a fonte não informa.", "Alteração consensual admitida em caráter excepcional pelo TCU.", "Erro no valor inicial publicado."]
en = ["Price adjustments by apostille, which the source does not publish as amendments.", "The limit applies to the updated initial value, which the source does not give.", "A change by consent that the Court of Accounts admits by way of exception.", "A slip in the published initial value."]

[[parameters]]
name = "cap"
value = "0.25"
unit = "ratio"
legal_basis = "Lei 14.133/2021 art. 125; Lei 8.666/1993 art. 65 §1"
label = { pt = "Limite de acréscimos", en = "Limit of additions" }

[[parameters]]
name = "reform_cap"
value = "0.50"
unit = "ratio"
legal_basis = "Lei 14.133/2021 art. 125; Lei 8.666/1993 art. 65 §1"
label = { pt = "Limite na reforma de edifício ou equipamento", en = "Limit for the reform of a building or of equipment" }

[[parameters]]
name = "near_share"
value = "0.8"
unit = "ratio"
max = "1"
label = { pt = "Parte do limite que se diz próxima dele", en = "Share of the limit that is called near it" }

[[parameters]]
name = "rounding_tolerance"
value = "1.00"
unit = "BRL"
max = "1000.00"
label = { pt = "Tolerância de arredondamento", en = "Tolerance for rounding" }

[[parameters]]
name = "rounding_ratio"
value = "0.0001"
unit = "ratio"
max = "0.01"
label = { pt = "Tolerância de arredondamento sobre o valor inicial", en = "Tolerance for rounding over the initial value" }

[[parameters]]
name = "critical_increase"
value = "1000000.00"
unit = "BRL"
label = { pt = "Aumento a partir do qual pode ser crítico", en = "Increase above which it may be critical" }

[reasons.near_cap]
outcome = "clear"
pt = "Aumento a partir de {near_share|exact} do limite, sem passar dele."
en = "Increase of {near_share|exact} of the limit or more, without passing it."

[reasons.no_initial_value]
outcome = "not_evaluable"
pt = "Valor inicial ou atual não publicado, ou inicial não positivo."
en = "Initial or current value not published, or initial value not positive."
columns = ["contracts.initial_value", "contracts.current_value"]

[reasons.regime_not_covered]
outcome = "not_evaluable"
pt = "Contrato de empresa estatal (Lei 13.303/2016) ou de uma lei de emergência (Lei 13.979/2020, Lei 14.981/2024), com limites próprios."
en = "Contract of a state company (Lei 13.303/2016) or under a law of an emergency (Lei 13.979/2020, Lei 14.981/2024), with limits of its own."

[reasons.reductions_may_hide_additions]
outcome = "not_evaluable"
pt = "Há acréscimos e supressões, que não se compensam, e a fonte não dá o valor de cada um."
en = "There are additions and reductions, which do not offset each other, and the source does not give the value of each."

[reasons.within_rounding]
outcome = "not_evaluable"
pt = "O limite é passado por não mais que {rounding_tolerance|exact} ou {rounding_ratio|exact} do valor inicial: pode ser arredondamento item a item."
en = "The limit is passed by {rounding_tolerance|exact} or {rounding_ratio|exact} of the initial value at most: it may be rounding item by item."

[reasons.no_amendment_published]
outcome = "not_evaluable"
pt = "Nenhum aditivo foi publicado que diga a causa do aumento."
en = "No amendment was published that tells the cause of the increase."

[reasons.ambiguous_amendments]
outcome = "not_evaluable"
pt = "Mais de um contrato tem o mesmo número na mesma unidade: não se sabe de qual são os aditivos."
en = "More than one contract has the same number at the same unit: whose the amendments are is not known."

[reasons.amendment_undisclosed]
outcome = "not_evaluable"
pt = "O objeto de um aditivo está sob sigilo."
en = "The object of an amendment is secret."

[reasons.reform_cap_may_apply]
outcome = "not_evaluable"
pt = "O objeto é uma reforma, para a qual o limite pode ser de 50 %."
en = "The object is a reform, for which the limit may be 50%."

[reasons.price_adjustment_mixed]
outcome = "not_evaluable"
pt = "Há reajuste, repactuação, revisão ou reequilíbrio, que não contam para o limite."
en = "There is a price adjustment, which does not count towards the limit."

[reasons.renewal_mixed]
outcome = "not_evaluable"
pt = "Há prorrogação, que aumenta o total de modo lícito."
en = "There is an extension of the term, which raises the total lawfully."

[reasons.amendment_type_unknown]
outcome = "not_evaluable"
pt = "O objeto de um aditivo não diz se há acréscimo."
en = "The object of an amendment does not say whether there is an addition."

[[evidence]]
name = "initial_value"
unit = "BRL"
label = { pt = "Valor inicial", en = "Initial value" }

[[evidence]]
name = "current_value"
unit = "BRL"
label = { pt = "Valor atual", en = "Current value" }

[[evidence]]
name = "increase"
unit = "BRL"
label = { pt = "Aumento", en = "Increase" }

[[evidence]]
name = "increase_ratio"
unit = "ratio"
label = { pt = "Aumento sobre o valor inicial", en = "Increase over the initial value" }

[[evidence]]
name = "cap"
unit = "ratio"
label = { pt = "Limite aplicado", en = "Limit applied" }

[[evidence]]
name = "amendments"
unit = "count"
label = { pt = "Aditivos publicados", en = "Published amendments" }
*/
WITH measured AS (
    SELECT
        c.contract_id,
        c.in_scope,
        c.signature_date,
        c.initial_value,
        c.current_value,
        c.current_value - c.initial_value AS increase,
        legal_basis_kind(c.legal_basis, c.object_folded) AS basis,
        CASE WHEN c.current_value > c.initial_value THEN is_reform(c.object_folded) ELSE false END AS reform,
        CASE WHEN c.current_value > c.initial_value THEN legal_regime(c.legal_basis, c.object_folded) END AS law,
        greatest($rounding_tolerance, $rounding_ratio * c.initial_value) AS tolerance,
        l.ambiguous,
        l.amendments,
        l.addition,
        l.reduction,
        l.term,
        l.price,
        l.undisclosed,
        l.other,
        l.amendment_ids
    FROM contracts c
    LEFT JOIN contract_amendments l ON l.buyer_id = c.buyer_id AND l.contract_number = c.number
),
judged AS (
    SELECT
        *,
        CASE WHEN reform THEN $reform_cap ELSE $cap END AS applied_cap,
        CASE
            WHEN initial_value IS NULL OR current_value IS NULL OR initial_value <= 0 THEN 'no_initial_value'
            -- Up to 50 % under the laws of emergencies (Lei 13.979/2020 art. 4-I).
            WHEN basis = '13303' OR law IN ('13303', 'emergency') THEN 'regime_not_covered'
            WHEN increase <= $cap * initial_value THEN CASE
                WHEN addition AND reduction THEN 'reductions_may_hide_additions'
                WHEN increase >= $near_share * $cap * initial_value THEN 'near_cap'
                ELSE 'clear'
            END
            WHEN increase - $cap * initial_value <= tolerance THEN 'within_rounding'
            WHEN amendments IS NULL THEN 'no_amendment_published'
            WHEN ambiguous THEN 'ambiguous_amendments'
            WHEN undisclosed THEN 'amendment_undisclosed'
            WHEN reform AND increase - $reform_cap * initial_value <= tolerance THEN 'reform_cap_may_apply'
            WHEN price THEN 'price_adjustment_mixed'
            WHEN term THEN 'renewal_mixed'
            WHEN other OR NOT addition THEN 'amendment_type_unknown'
            ELSE 'fired'
        END AS verdict
    FROM measured
)
SELECT
    contract_id AS subject,
    CASE
        WHEN verdict = 'fired' THEN 'fired'
        WHEN verdict IN ('clear', 'near_cap') THEN 'clear'
        ELSE 'not_evaluable'
    END AS outcome,
    CASE WHEN verdict NOT IN ('fired', 'clear') THEN verdict END AS reason,
    CASE
        WHEN verdict <> 'fired' THEN NULL
        WHEN increase > 2 * applied_cap * initial_value AND increase > $critical_increase THEN 'critical'
        ELSE 'high'
    END AS severity,
    in_scope,
    CASE WHEN verdict = 'fired' THEN make_array(contract_id) END AS contract_ids,
    CASE WHEN verdict = 'fired' THEN amendment_ids END AS amendment_ids,
    CASE WHEN verdict = 'fired' THEN increase - applied_cap * initial_value END AS amount,
    -- Both acts set the same limit; until 2023-12-30 a contract may follow either.
    CASE WHEN verdict = 'fired' THEN CASE
        WHEN basis LIKE '8666%' OR signature_date < DATE '2021-04-01' THEN
            CASE WHEN reform THEN make_array('amendment_cap_reform/8666/1993-06-22') ELSE make_array('amendment_cap/8666/1993-06-22') END
        WHEN basis LIKE '14133%' OR signature_date > DATE '2023-12-30' THEN
            CASE WHEN reform THEN make_array('amendment_cap_reform/14133/2021-04-01') ELSE make_array('amendment_cap/14133/2021-04-01') END
        WHEN reform THEN make_array('amendment_cap_reform/14133/2021-04-01', 'amendment_cap_reform/8666/1993-06-22')
        ELSE make_array('amendment_cap/14133/2021-04-01', 'amendment_cap/8666/1993-06-22')
    END END AS limits,
    initial_value,
    current_value,
    increase,
    CASE WHEN verdict = 'fired' THEN CAST(increase AS DOUBLE) / CAST(initial_value AS DOUBLE) END AS increase_ratio,
    applied_cap AS cap,
    amendments
FROM judged
