"""Names of the arrays that geometry is made of."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
Array = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.floating]  # of any precision
