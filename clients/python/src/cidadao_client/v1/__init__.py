"""Messages, enums and stubs of the package ``cidadao.v1``, as `proto/cidadao/v1` documents them."""

from .analysis_service_pb2 import *
from .auth_service_pb2 import *
from .common_pb2 import *
from .contract_service_pb2 import *
from .dataset_service_pb2 import *
from .detector_service_pb2 import *
from .health_service_pb2 import *
from .investigation_service_pb2 import *
