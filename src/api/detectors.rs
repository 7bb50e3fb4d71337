//! `DetectorService`.

use async_trait::async_trait;
use tonic::{Request, Response, Status};

use super::caller::Caller;
use super::errors::{ApiError, answer};
use super::pb::detector_service_server::DetectorService;
use super::{Api, convert, page, pb};
use crate::model::Violation;

/// Detectors of a page where the request does not say.
const PAGE: usize = 50;

#[derive(Debug, Clone)]
pub(super) struct Service {
    api: Api,
}

impl Service {
    pub(super) const fn new(api: Api) -> Self {
        Self { api }
    }

    fn list(&self, request: &pb::ListDetectorsRequest) -> Result<pb::ListDetectorsResponse, ApiError> {
        let mut found = Vec::new();
        let size = page::size(request.page_size, PAGE, &mut found);
        let binding = page::Binding::new("ListDetectors", &[]);
        // The last one of the page before: its place stays the same when others come or go.
        let place = |id: &str| self.api.catalogue.ids().iter().position(|known| *known == id);
        let after = binding.position(&request.page_token, place, &mut found);
        if !found.is_empty() {
            return Err(ApiError::Invalid(found));
        }
        let rest = self.api.catalogue.iter().skip(after.map_or(0, |last| last + 1));
        let mut listed: Vec<_> = rest.take(size + 1).collect();
        let next_page_token = page::cut(&mut listed, size, |detector| binding.token(detector.id()));
        let detectors = listed.into_iter().map(|detector| convert::detector(&detector.header)).collect();
        Ok(pb::ListDetectorsResponse { detectors, next_page_token })
    }

    fn get(&self, detector_id: String) -> Result<pb::Detector, ApiError> {
        if detector_id.is_empty() {
            return Err(ApiError::Invalid(vec![Violation::new("detector_id", "must not be empty", detector_id)]));
        }
        match self.api.catalogue.get(&detector_id) {
            Some(detector) => Ok(convert::detector(&detector.header)),
            None => Err(ApiError::NotFound { resource: "detector", id: detector_id }),
        }
    }
}

#[async_trait]
impl DetectorService for Service {
    async fn list_detectors(
        &self,
        request: Request<pb::ListDetectorsRequest>,
    ) -> Result<Response<pb::ListDetectorsResponse>, Status> {
        let caller = Caller::of(&request);
        answer(&caller, self.list(&request.into_inner()))
    }

    async fn get_detector(&self, request: Request<pb::GetDetectorRequest>) -> Result<Response<pb::Detector>, Status> {
        let caller = Caller::of(&request);
        answer(&caller, self.get(request.into_inner().detector_id))
    }
}
