#include "nodes/register_nodes.h"

#include "runtime/base/status_macros.h"

// The catalogue: one line a node, by folder. Each names a function `NodeType <Name>Node()` that
// the node's own file defines.
#define WEFT_NODES(X)                \
  X(ApplyLora)                       \
  X(LoadClip)                        \
  X(LoadEmbedding)                   \
  X(LoadImage)                       \
  X(LoadLora)                        \
  X(LoadModel)                       \
  X(LoadTensor)                      \
  X(LoadUnet)                        \
  X(LoadVae)                         \
  X(SaveImage)                       \
  X(SaveTensor)                      \
                                     \
  X(ApplyPrompt)                     \
  X(ApplyTextualInversion)           \
  X(AverageConditionings)            \
  X(ClassConditioning)               \
  X(ClipEncode)                      \
  X(CombineConditionings)            \
  X(ConditioningArea)                \
  X(ConditioningRange)               \
  X(ConditioningTensors)             \
  X(ConditioningWeight)              \
  X(JoinConditioning)                \
  X(MakeConditioning)                \
  X(PadTokens)                       \
  X(SizeConditioning)                \
  X(TextOr)                          \
  X(Tokenize)                        \
  X(TokenizePrompt)                  \
  X(ZeroEmptyPrompt)                 \
                                     \
  X(AddNoise)                        \
  X(Generator)                       \
  X(Guidance)                        \
  X(InstructPix2PixGuidance)         \
  X(MergeTokens)                     \
  X(ParseSchedulerConfig)            \
  X(PredictNoise)                    \
  X(PredictNoiseCached)              \
  X(ReverseSteps)                    \
  X(SamplerScheduler)                \
  X(ScaleInput)                      \
  X(ScaleNoise)                      \
  X(SchedulerConfigText)             \
  X(SchedulerStep)                   \
  X(StopWhenConverged)               \
  X(Timesteps)                       \
  X(TrainingStep)                    \
  X(UnconditionalDenoiser)           \
                                     \
  X(DDIMInverseScheduler)            \
  X(DDIMScheduler)                   \
  X(DDPMScheduler)                   \
  X(DEISMultistepScheduler)          \
  X(DPMSolverMultistepScheduler)     \
  X(DPMSolverSDEScheduler)           \
  X(DPMSolverSinglestepScheduler)    \
  X(EDMDPMSolverMultistepScheduler)  \
  X(EDMEulerScheduler)               \
  X(EulerAncestralDiscreteScheduler) \
  X(EulerDiscreteScheduler)          \
  X(HeunDiscreteScheduler)           \
  X(IPNDMScheduler)                  \
  X(KDPM2AncestralDiscreteScheduler) \
  X(KDPM2DiscreteScheduler)          \
  X(LCMScheduler)                    \
  X(LMSDiscreteScheduler)            \
  X(PNDMScheduler)                   \
  X(SASolverScheduler)               \
  X(TCDScheduler)                    \
  X(UniPCMultistepScheduler)         \
                                     \
  X(PreviewLatent)                   \
  X(RandomLatent)                    \
  X(VaeDecode)                       \
  X(VaeEncode)                       \
                                     \
  X(CropImage)                       \
  X(DepthChannels)                   \
  X(ImageStrip)                      \
  X(ImageToLatent)                   \
  X(LatentToImage)                   \
  X(PadForOutpaint)                  \
  X(ResizeImage)                     \
                                     \
  X(BlurMask)                        \
  X(GrowMask)                        \
  X(ImageToMask)                     \
  X(InpaintChannels)                 \
  X(InvertMask)                      \
  X(MaskBlend)                       \
  X(MaskImage)                       \
  X(MaskToImage)                     \
  X(RectangleMask)

namespace weft {

#define WEFT_DECLARE(Name) NodeType Name##Node();
WEFT_NODES(WEFT_DECLARE)
#undef WEFT_DECLARE

absl::Status RegisterNodes(Registry& registry) {
#define WEFT_ADD(Name) WEFT_RETURN_IF_ERROR(registry.Add(Name##Node()));
  WEFT_NODES(WEFT_ADD)
#undef WEFT_ADD
  return absl::OkStatus();
}

}  // namespace weft
