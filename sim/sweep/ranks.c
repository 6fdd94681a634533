#include "sim/sweep/ranks.h"

#include <stdlib.h>

bool ofr_ranks_launched(void)
{
    /* Open MPI's mpirun; a launcher that speaks PMIx (srun --mpi=pmix) or PMI (srun --mpi=pmi2). */
    return getenv("OMPI_COMM_WORLD_SIZE") || getenv("PMIX_RANK") || getenv("PMI_RANK");
}
