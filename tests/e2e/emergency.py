"""One month of published contracts that holds a single one: large, without a tender, for an emergency, and short."""

from __future__ import annotations

import csv
from pathlib import Path

# The columns of Compras.csv, as the Portal da Transparência publishes it.
CONTRACT = {
    "Número do Contrato": "000012024",
    "Objeto": "Serviços emergenciais de limpeza urbana",
    "Fundamento Legal": "Lei 14.133/2021, art. 75, VIII - Emergência sanitária",
    "Modalidade Compra": "Dispensa de Licitação",
    "Situação Contrato": "Publicado",
    "Código Órgão Superior": "26000",
    "Nome Órgão Superior": "Ministério da Educação",
    "Código Órgão": "26246",
    "Nome Órgão": "Universidade Federal de Santa Catarina",
    "Código UG": "153163",
    "Nome UG": "UNIVERSIDADE FEDERAL DE SANTA CATARINA",
    "Data Assinatura Contrato": "15/03/2024",
    "Data Publicação DOU": "20/03/2024",
    "Data Início Vigência": "15/03/2024",
    "Data Fim Vigência": "14/04/2024",
    "Código Contratado": "11222333000144",
    "Nome Contratado": "LIMPEZA RAPIDA LTDA",
    "Valor Inicial Compra": "2500000,0000",
    "Valor Final Compra": "2500000,0000",
    "Número Licitação": "000012024",
    "Código UG Licitação": "153163",
    "Nome UG Licitação": "UNIVERSIDADE FEDERAL DE SANTA CATARINA",
    "Código Modalidade Compra Licitação": "6",
    "Modalidade Compra Licitação": "Dispensa de Licitação",
}


def write_month(directory: Path) -> Path:
    """Writes the file as published (ISO-8859-1, `;`, every field quoted, CRLF) and gives its directory."""
    directory.mkdir()
    with (directory / "202403_Compras.csv").open("w", encoding="iso-8859-1", newline="") as file:
        rows = csv.DictWriter(file, CONTRACT, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        rows.writeheader()
        rows.writerow(CONTRACT)
    return directory
