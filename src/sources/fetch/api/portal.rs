//! Lists of the API of the Portal da Transparência.

use std::path::{Path, PathBuf};

use super::super::super::Progress;
use super::super::super::ocds::json::View;
use super::super::FetchError;
use super::address::{PortalList, Span};
use super::client::ApiClient;
use super::list::List;

/// Whether a record is one that was asked for.
type Keep = Box<dyn Fn(View<'_>) -> bool + Send + Sync>;

/// A list of the Portal under a filter.
pub(super) struct PortalFilter {
    /// Path and parameters, behind the base and without the page.
    query: String,
    /// The filter, for people.
    shown: String,
    keep: Keep,
}

/// What an organ has, by its SIAFI code; of contracts those whose term lies in the span, of tenders those published in
/// it (`/contratos`, `/licitacoes`: `codigoOrgao`, `dataInicial`, `dataFinal`).
pub(super) fn of_organ(list: PortalList, organ: &str, (first, last): Span) -> PortalFilter {
    let (from, to) = (first.format("%d/%m/%Y"), last.format("%d/%m/%Y"));
    let code = organ.to_owned();
    PortalFilter {
        query: format!("{}?codigoOrgao={organ}&dataInicial={from}&dataFinal={to}", list.name()),
        shown: format!("codigoOrgao {organ}"),
        keep: Box::new(move |record| {
            let unit = record.get("unidadeGestora");
            let own = |of: &str, name: &str| unit.and_then(|unit| unit.get(of)).and_then(|one| one.text_of(name));
            let own = [own("orgaoVinculado", "codigoSIAFI"), own("orgaoMaximo", "codigo")];
            own.iter().all(Option::is_none) || own.iter().flatten().any(|own| *own == code)
        }),
    }
}

/// The contracts of a supplier, by its CNPJ without marks (`/contratos/cpf-cnpj`: `cpfCnpj`).
pub(super) fn of_supplier(cnpj: &str) -> PortalFilter {
    let wanted = cnpj.to_owned();
    PortalFilter {
        query: format!("contratos/cpf-cnpj?cpfCnpj={cnpj}"),
        shown: format!("cpfCnpj {cnpj}"),
        keep: Box::new(move |record| {
            let supplier = record.get("fornecedor");
            let own = ["cnpjFormatado", "codigoFormatado", "numeroInscricaoSocial"]
                .iter()
                .find_map(|name| supplier.and_then(|supplier| supplier.text_of(name)));
            own.is_none_or(|own| own.chars().filter(char::is_ascii_alphanumeric).eq(wanted.chars()))
        }),
    }
}

impl PortalFilter {
    /// Reads the list to its end, as [`List::read`] does, into files that begin with `name`.
    pub(super) async fn read(
        self,
        client: &ApiClient<'_>,
        name: String,
        most_pages: Option<u64>,
        directory: &Path,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Vec<PathBuf>, FetchError> {
        let url = |page: u64| format!("{}/{}&pagina={page}", client.base(), self.query);
        let list =
            List { name, url: &url, id: "id", filter: self.shown, keep: &*self.keep, counted: false, most_pages };
        list.read(client, directory, progress).await
    }
}
