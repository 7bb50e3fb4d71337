//! Words of the sample.
//!
//! Each text holds words of one object type only ("aquisição", "material" for goods; "prestação",
//! "serviço" for services; "obra", "construção" for works), so that any sensible classifier reads it
//! the same way, and none of the words that mean emergency or reform.

/// One line of business: what is bought.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    /// As the object names it.
    pub(super) thing: &'static str,
    /// Description of the main item: the line of business.
    pub(super) item: &'static str,
}

const fn line(thing: &'static str, item: &'static str) -> Line {
    Line { thing, item }
}

/// Goods, for background.
pub(super) const GOODS: [Line; 32] = [
    line("MATERIAL DE EXPEDIENTE", "PAPEL A4"),
    line("GÊNEROS ALIMENTÍCIOS", "ARROZ BENEFICIADO"),
    line("MEDICAMENTOS", "DIPIRONA SÓDICA"),
    line("MATERIAL HOSPITALAR", "LUVA PARA PROCEDIMENTO NÃO CIRÚRGICO"),
    line("MATERIAL DE LIMPEZA", "DETERGENTE"),
    line("MICROCOMPUTADORES", "MICROCOMPUTADOR"),
    line("NOTEBOOKS", "NOTEBOOK"),
    line("MOBILIÁRIO", "CADEIRA ESCRITÓRIO"),
    line("COMBUSTÍVEL", "ÓLEO DIESEL"),
    line("PNEUS", "PNEU AUTOMOTIVO"),
    line("MATERIAL ELÉTRICO", "CABO ELÉTRICO FLEXÍVEL"),
    line("MATERIAL HIDRÁULICO", "TUBO PVC SOLDÁVEL"),
    line("UNIFORMES", "CAMISA UNIFORME"),
    line("REAGENTES LABORATORIAIS", "REAGENTE PARA DIAGNÓSTICO CLÍNICO"),
    line("EQUIPAMENTOS DE LABORATÓRIO", "MICROSCÓPIO"),
    line("LIVROS", "LIVRO"),
    line("ÁGUA MINERAL", "ÁGUA MINERAL NATURAL"),
    line("CARNES E DERIVADOS", "CARNE BOVINA IN NATURA"),
    line("HORTIFRUTIGRANJEIROS", "LEGUME IN NATURA"),
    line("TONERS", "TONER"),
    line("EQUIPAMENTOS DE REDE", "SWITCH"),
    line("VEÍCULOS DE REPRESENTAÇÃO", "AUTOMÓVEL"),
    line("AR CONDICIONADO", "APARELHO AR CONDICIONADO"),
    line("GÁS LIQUEFEITO", "GÁS LIQUEFEITO DE PETRÓLEO"),
    line("MATERIAL ESPORTIVO", "BOLA"),
    line("INSTRUMENTOS MUSICAIS", "INSTRUMENTO MUSICAL DE SOPRO"),
    line("FARDAMENTO", "COTURNO"),
    line("MATERIAL ODONTOLÓGICO", "RESINA COMPOSTA"),
    line("VACINAS", "VACINA"),
    line("EQUIPAMENTOS DE ÁUDIO", "MICROFONE"),
    line("SEMENTES", "SEMENTE"),
    line("RAÇÃO ANIMAL", "RAÇÃO ANIMAL"),
];

/// Services, for background.
pub(super) const SERVICES: [Line; 28] = [
    line("VIGILÂNCIA PATRIMONIAL", "VIGILÂNCIA E SEGURANÇA ORGÂNICA"),
    line("LIMPEZA E CONSERVAÇÃO", "LIMPEZA E CONSERVAÇÃO"),
    line("RECEPÇÃO", "RECEPCIONISTA"),
    line("COPEIRAGEM", "COPEIRAGEM"),
    line("LAVANDERIA", "LAVANDERIA"),
    line("TRANSPORTE DE PESSOAS", "TRANSPORTE RODOVIÁRIO DE PESSOAS"),
    line("LOCAÇÃO DE IMPRESSORAS", "OUTSOURCING DE IMPRESSÃO"),
    line("AGENCIAMENTO DE VIAGENS", "AGENCIAMENTO DE VIAGENS"),
    line("MANUTENÇÃO DE ELEVADORES", "MANUTENÇÃO DE ELEVADOR"),
    line("MANUTENÇÃO DE AR CONDICIONADO", "MANUTENÇÃO DE CLIMATIZADORES"),
    line("TELEFONIA MÓVEL", "TELEFONIA MÓVEL PESSOAL"),
    line("ACESSO À INTERNET", "LINK DE INTERNET"),
    line("CONTROLE DE PRAGAS", "DEDETIZAÇÃO"),
    line("COLETA DE RESÍDUOS", "COLETA DE RESÍDUOS HOSPITALARES"),
    line("ANÁLISES CLÍNICAS", "EXAME LABORATORIAL"),
    line("ATENDIMENTO MÉDICO", "CONSULTA MÉDICA ESPECIALIZADA"),
    line("TREINAMENTO DE SERVIDORES", "TREINAMENTO PRESENCIAL"),
    line("CONSULTORIA TRIBUTÁRIA", "CONSULTORIA TRIBUTÁRIA"),
    line("TRADUÇÃO SIMULTÂNEA", "INTERPRETAÇÃO SIMULTÂNEA"),
    line("JARDINAGEM", "JARDINAGEM"),
    line("MOTORISTA", "MOTORISTA OFICIAL"),
    line("SUPORTE TÉCNICO DE INFORMÁTICA", "SUPORTE A USUÁRIOS"),
    line("DESENVOLVIMENTO DE SOFTWARE", "FÁBRICA DE SOFTWARE"),
    line("SEGURO DE FROTA", "SEGURO DE FROTA"),
    line("PUBLICIDADE LEGAL", "PUBLICAÇÃO EM JORNAL"),
    line("CALIBRAÇÃO DE BALANÇAS", "CALIBRAÇÃO DE BALANÇA"),
    line("HOSPEDAGEM", "HOSPEDAGEM EM HOTEL"),
    line("RESTAURANTE UNIVERSITÁRIO", "REFEIÇÃO TRANSPORTADA"),
];

/// Works, for background.
pub(super) const WORKS: [Line; 12] = [
    line("CONSTRUÇÃO DE MURO DE DIVISA", "OBRA DE MURO DE DIVISA"),
    line("CONSTRUÇÃO DE QUADRA POLIESPORTIVA", "OBRA DE QUADRA POLIESPORTIVA"),
    line("PAVIMENTAÇÃO ASFÁLTICA", "OBRA DE PAVIMENTAÇÃO ASFÁLTICA"),
    line("DRENAGEM PLUVIAL", "OBRA DE DRENAGEM PLUVIAL"),
    line("CONSTRUÇÃO DE GUARITA", "OBRA DE GUARITA"),
    line("CONSTRUÇÃO DE ALMOXARIFADO", "OBRA DE ALMOXARIFADO"),
    line("CONSTRUÇÃO DE SALAS DE AULA", "OBRA DE SALAS DE AULA"),
    line("COBERTURA METÁLICA", "OBRA DE COBERTURA METÁLICA"),
    line("REDE DE ESGOTO", "OBRA DE REDE DE ESGOTO"),
    line("CONSTRUÇÃO DE PONTE DE CONCRETO", "OBRA DE PONTE DE CONCRETO"),
    line("PAVIMENTAÇÃO INTERTRAVADA", "OBRA DE PAVIMENTAÇÃO INTERTRAVADA"),
    line("CONSTRUÇÃO DE LABORATÓRIO", "OBRA DE LABORATÓRIO"),
];

/// Lines that only planted dispensas buy, so that no background row joins their sums.
pub(super) const PLANTED_GOODS: [Line; 24] = [
    line("BANDEIRAS", "BANDEIRA"),
    line("EXTINTORES", "EXTINTOR DE INCÊNDIO"),
    line("CÂMERAS FOTOGRÁFICAS", "CÂMERA FOTOGRÁFICA"),
    line("PERSIANAS", "PERSIANA"),
    line("CRACHÁS", "CRACHÁ"),
    line("FERRAMENTAS MANUAIS", "JOGO DE CHAVES"),
    line("TROFÉUS", "TROFÉU"),
    line("COLCHÕES", "COLCHÃO"),
    line("TINTAS", "TINTA ACRÍLICA"),
    line("VIDROS", "VIDRO TEMPERADO"),
    line("FILTROS DE ÁGUA", "FILTRO DE ÁGUA"),
    line("BATERIAS", "BATERIA SELADA"),
    line("PROJETORES MULTIMÍDIA", "PROJETOR MULTIMÍDIA"),
    line("REFRIGERADORES", "REFRIGERADOR DUPLEX"),
    line("ARQUIVOS DE AÇO", "ARQUIVO DE AÇO"),
    line("CAFÉ", "CAFÉ TORRADO E MOÍDO"),
    line("AÇÚCAR", "AÇÚCAR CRISTAL"),
    line("TECIDOS", "TECIDO DE ALGODÃO"),
    line("CADEADOS", "CADEADO"),
    line("LÂMPADAS", "LÂMPADA LED"),
    line("RÁDIOS COMUNICADORES", "RÁDIO TRANSCEPTOR"),
    line("BOTIJÕES TÉRMICOS", "GARRAFA TÉRMICA"),
    line("TENDAS", "TENDA PIRAMIDAL"),
    line("ESTANTES", "ESTANTE METÁLICA"),
];

/// As [`PLANTED_GOODS`], for services.
pub(super) const PLANTED_SERVICES: [Line; 16] = [
    line("CHAVEIRO", "CHAVEIRO"),
    line("ENCADERNAÇÃO", "ENCADERNAÇÃO"),
    line("FOTOGRAFIA", "COBERTURA FOTOGRÁFICA"),
    line("SONORIZAÇÃO DE EVENTOS", "SONORIZAÇÃO"),
    line("ARBITRAGEM ESPORTIVA", "ARBITRAGEM ESPORTIVA"),
    line("TAPEÇARIA", "TAPEÇARIA"),
    line("LIMPEZA DE CAIXA D'ÁGUA", "LIMPEZA DE CAIXA D'ÁGUA"),
    line("DIGITALIZAÇÃO DE DOCUMENTOS", "DIGITALIZAÇÃO DE DOCUMENTOS"),
    line("BUFÊ", "BUFÊ"),
    line("PODA DE ÁRVORES", "PODA DE ÁRVORES"),
    line("DESENTUPIMENTO", "DESENTUPIMENTO"),
    line("LOCAÇÃO DE TENDAS", "LOCAÇÃO DE TENDA"),
    line("TRANSPORTE DE MUDANÇAS", "TRANSPORTE DE MUDANÇA"),
    line("FILMAGEM", "FILMAGEM"),
    line("GRÁFICA", "IMPRESSÃO GRÁFICA"),
    line("BANHO E TOSA", "BANHO E TOSA"),
];

/// As [`PLANTED_GOODS`], for works.
pub(super) const PLANTED_WORKS: [Line; 10] = [
    line("CONSTRUÇÃO DE CALÇADA", "OBRA DE CALÇADA"),
    line("CONSTRUÇÃO DE FOSSA SÉPTICA", "OBRA DE FOSSA SÉPTICA"),
    line("CONSTRUÇÃO DE ABRIGO DE GÁS", "OBRA DE ABRIGO DE GÁS"),
    line("CONSTRUÇÃO DE RAMPA DE ACESSO", "OBRA DE RAMPA DE ACESSO"),
    line("CERCAMENTO DE ÁREA", "OBRA DE CERCAMENTO"),
    line("CONSTRUÇÃO DE ESTACIONAMENTO", "OBRA DE ESTACIONAMENTO"),
    line("IMPERMEABILIZAÇÃO DE LAJE", "OBRA DE IMPERMEABILIZAÇÃO"),
    line("CONSTRUÇÃO DE CANIL", "OBRA DE CANIL"),
    line("CONSTRUÇÃO DE PASSARELA", "OBRA DE PASSARELA"),
    line("MURO DE ARRIMO", "OBRA DE MURO DE ARRIMO"),
];

/// What follows an object.
pub(super) const ENDINGS: [&str; 5] = [
    "",
    ", CONFORME TERMO DE REFERÊNCIA",
    ", PARA ATENDER ÀS NECESSIDADES DA UNIDADE",
    ", NAS CONDIÇÕES ESTABELECIDAS NO EDITAL E SEUS ANEXOS; GRUPO 1",
    ", CONFORME ESPECIFICAÇÕES E QUANTITATIVOS DO ANEXO I",
];

/// Secondary items of goods.
pub(super) const GOODS_EXTRAS: [&str; 6] =
    ["CAIXA ORGANIZADORA", "ETIQUETA ADESIVA", "EMBALAGEM PLÁSTICA", "SUPORTE METÁLICO", "CAPA PROTETORA", "LACRE"];
/// Secondary items of services.
pub(super) const SERVICES_EXTRAS: [&str; 4] =
    ["SERVIÇO DE VISITA TÉCNICA", "SERVIÇO DE HORA EXTRA", "SERVIÇO DE DESLOCAMENTO", "SERVIÇO DE RELATÓRIO MENSAL"];
/// Secondary items of works.
pub(super) const WORKS_EXTRAS: [&str; 3] = ["OBRA DE LIMPEZA DO TERRENO", "OBRA DE SINALIZAÇÃO", "OBRA DE PINTURA"];

/// What the Portal writes in place of a text under secrecy.
pub(super) const SECRET: &str = "Informação protegida por sigilo nos termos da legislação vigente";
